import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCsv } from './csv.ts';

test('cells are quoted where they must be, and formulas are made text', () => {
  const rows = [
    { name: 'plain', count: 1 },
    { name: 'a "b", c', count: 2.5 },
    { count: 3, name: '=cmd()' },
    { name: 'two\nlines' },
  ];
  assert.equal(
    toCsv(['name', 'count'], rows),
    'name,count\r\nplain,1\r\n"a ""b"", c",2.5\r\n\'=cmd(),3\r\n"two\nlines",\r\n',
  );
});
