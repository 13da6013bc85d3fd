import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as endOfTurn } from 'node:timers/promises';
import { Trail } from '../core/trail.ts';
import { createAccounts } from './accounts.ts';

const trailOf = (id: number) => new Trail(String(id), { startedMs: 0, wallMs: 0 });

test('what finishes in one turn is accounted for at its end, in order, by every observer', async () => {
  const told: string[] = [];
  const accounts = createAccounts([({ id }) => told.push(`a${id}`), ({ id }) => told.push(`b${id}`)]);
  accounts.keep(trailOf(1));
  accounts.keep(trailOf(2));
  assert.deepEqual(told, []);
  await endOfTurn();
  assert.deepEqual(told, ['a1', 'b1', 'a2', 'b2']);
});

test('no more than 256 wait, and a flush leaves nothing for later', async () => {
  let told = 0;
  const accounts = createAccounts([() => (told += 1)]);
  for (let id = 0; id < 256; id += 1) accounts.keep(trailOf(id));
  assert.equal(told, 256);
  accounts.keep(trailOf(256));
  accounts.flush();
  assert.equal(told, 257);
  await endOfTurn();
  assert.equal(told, 257);
});

test('P6: an observer that throws is warned of, and the others are told', async () => {
  const told: string[] = [];
  const warned = once(process, 'warning');
  const accounts = createAccounts([
    () => {
      throw new Error('a full disk');
    },
    ({ id }) => told.push(id),
  ]);
  accounts.keep(trailOf(1));
  accounts.keep(trailOf(2));
  await endOfTurn();
  assert.deepEqual(told, ['1', '2']);
  assert.match(String((await warned)[0]), /a full disk/);
});
