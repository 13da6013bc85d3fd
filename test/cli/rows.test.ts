/** Whatever can be asked of the admin API can be asked by a verb: the table of docs/cli.md has each row once. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { verbs } from '../../src/cli/verbs.ts';
import { openTestAdmin } from '../admin-rig.ts';

const text = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const table = text
  .slice(text.indexOf('| verb | rows |'))
  .split('\n')
  .slice(2)
  .flatMap((line) => {
    const [, left, right] = line.split('|');
    return left === undefined || right === undefined ? [] : [{ left, rows: wordsIn(right) }];
  });

function wordsIn(cell: string): readonly string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);
}

test('each row of the admin API has a verb, or stands among those that need none', async (t) => {
  const admin = await openTestAdmin();
  t.after(() => admin.close());
  const told = table.flatMap(({ rows }) => rows);
  assert.deepEqual(told.toSorted(), admin.routes.map(({ name }) => name).toSorted());
});

test('each verb of the table is one', () => {
  const known = new Set(verbs.map(({ name }) => name));
  const [first = ''] = wordsIn(table[0]?.left ?? '');
  assert.equal(first, 'ps');
  for (const { left } of table.filter(({ left: cell }) => !cell.includes('none:'))) {
    const [verb = ''] = (wordsIn(left)[0] ?? '').split(' ');
    assert.ok(known.has(verb), left);
    if (left.includes('config')) continue;
    for (const each of wordsIn(left)) assert.ok(known.has(each), each);
  }
});
