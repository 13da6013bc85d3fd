import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findAction } from './run-action.ts';

const find = (...words: string[]) => findAction('privacy', { export: 1, erase: 2, show: 3 }, { words });

test('a verb with actions says which there are where none was named, or one that it has not', () => {
  assert.equal(find('erase'), 2);
  assert.throws(() => find(), /`privacy` needs a word[^\n]*export, erase and show[^\n]*privacy --help/);
  assert.throws(() => find('list'), /`privacy list` is not known; there are export, erase and show/);
  assert.equal(findAction('keys', { list: 1, make: 2 }, { words: [] }), 1);
});
