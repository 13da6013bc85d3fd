import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as endOfTurn } from 'node:timers/promises';
import { Trail } from '../core/trail.ts';
import { createAccounts } from './accounts.ts';

const nobody = {
  intend: () => Promise.resolve(true),
  lineOf: ({ id }: Trail) => `line ${id}`,
  settle: () => {},
  observers: [],
};
const trailOf = (id: number) => new Trail(String(id), { startedMs: 0, wallMs: 0 });

test('what finishes in one turn is accounted for at its end, in order, by every observer', async () => {
  const told: string[] = [];
  const accounts = createAccounts({
    ...nobody,
    observers: [({ trail }) => told.push(`a${trail.id}`), ({ line }) => told.push(`b${line}`)],
  });
  accounts.keep(trailOf(1));
  accounts.keep(trailOf(2));
  assert.deepEqual(told, []);
  await accounts.written();
  assert.deepEqual(told, ['a1', 'bline 1', 'a2', 'bline 2']);
});

test('G21: what ends in a turn is written down at its end, before anybody is answered', async () => {
  const told: string[] = [];
  const accounts = createAccounts({
    ...nobody,
    settle: (ended) => told.push(`written ${ended.map(({ line }) => line).join(', ')}`),
    observers: [({ trail }) => told.push(`told ${trail.id}`)],
  });
  // A stream asks before its end has gone up the chain.
  const written = accounts.written().then(() => told.push('answered'));
  accounts.keep(trailOf(1));
  accounts.keep(trailOf(2));
  await written;
  assert.deepEqual(told, ['written line 1, line 2', 'told 1', 'told 2', 'answered']);
});

test('no more than 256 wait, and a flush leaves nothing for later', async () => {
  let told = 0;
  const settle = (ended: readonly unknown[]) => {
    told += ended.length;
  };
  const accounts = createAccounts({ ...nobody, settle });
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
  const refuse = () => {
    throw new Error('a full disk');
  };
  const accounts = createAccounts({
    ...nobody,
    settle: refuse,
    observers: [refuse, ({ trail }) => told.push(trail.id)],
  });
  accounts.keep(trailOf(1));
  accounts.keep(trailOf(2));
  await accounts.written();
  assert.deepEqual(told, ['1', '2']);
  assert.match(String((await warned)[0]), /a full disk/);
});
