/** G19: a Redis that is there and does not do what it is asked: budgets hold, and what was spent meanwhile is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BudgetOption } from '../../src/stores/budget-rules.ts';
import { alertAt, spendOf } from '../conformance/budgets-rig.ts';
import { openReplicas, pair, untilSpent } from './budget-pair.ts';
import { type Operator, openRedisRig } from './redis-rig.ts';

const { server, operator } = await openRedisRig();

/** Ways in which a server answers and yet does not do what it is asked. */
const refusals: readonly {
  readonly rows: string;
  readonly when: string;
  readonly state: string;
  readonly begin: (operator: Operator) => Promise<unknown>;
  readonly end: (operator: Operator, password: string) => Promise<unknown>;
}[] = [
  {
    rows: 'DP5',
    when: 'has become a replica',
    state: 'readonly',
    // There is nobody it could copy.
    begin: (operator) => operator.sendCommand(['REPLICAOF', '127.0.0.1', '1']),
    end: (operator) => operator.sendCommand(['REPLICAOF', 'NO', 'ONE']),
  },
  {
    rows: 'DP6',
    when: 'has no memory left',
    state: 'oom',
    begin: async (operator) => {
      // More than it may have, so that it is full and yet takes commands that need no room.
      await operator.set('ballast', 'x'.repeat(3_000_000));
      await operator.configSet({ maxmemory: '2mb', 'maxmemory-policy': 'noeviction' });
    },
    end: (operator) => operator.configSet('maxmemory', '0'),
  },
  {
    rows: 'DP7',
    when: 'lets nobody run scripts',
    state: 'forbidden',
    begin: (operator) => operator.sendCommand(['ACL', 'SETUSER', 'default', '-evalsha', '-eval']),
    end: (operator) => operator.sendCommand(['ACL', 'SETUSER', 'default', '+@all']),
  },
  {
    rows: 'DP7',
    when: 'has another password',
    state: 'unauthenticated',
    begin: async (operator) => {
      await operator.configSet('requirepass', 'another-password-than-before');
      for (const type of ['normal', 'pubsub']) await operator.sendCommand(['CLIENT', 'KILL', 'TYPE', type]);
    },
    end: (operator, password) => operator.configSet('requirepass', password),
  },
];

for (const { rows, when, state, begin, end } of refusals) {
  test(`${rows}, G19: a server that ${when} leaves each replica a small part, no money is free, and what was spent is told`, async (t) => {
    await operator.flushAll();
    const budget: BudgetOption = { per: 'key', usd: 1_000, window: 'day', alertAt };
    const [one, two] = pair(await openReplicas(t, 2, { url: server.url, budget }));
    (await one.hold(100)).settle(spendOf(100));
    const before = await two.hold(10);
    await untilSpent(two, 100, 10);
    (await one.hold(1)).settle(spendOf(1));
    await untilSpent(one, 101, 10);
    await begin(operator);
    // Whoever comes first finds out, and is served from the part.
    const parts = [await one.hold(20), await two.hold(20)];
    await Promise.all([one.until(state), two.until(state)]);
    for (const replica of [one, two]) {
      assert.deepEqual(await replica.reserve(30), { allowed: false, why: 'unavailable' });
    }
    for (const part of parts) part.settle(spendOf(15));
    before.settle(spendOf(9));
    await end(operator, new URL(server.url).password);
    await Promise.all([one.until('ready'), two.until('ready')]);
    await untilSpent(one, 101 + 15 + 15 + 9, 0);
    assert.ok(!(await one.reserve(861)).allowed);
    assert.ok((await two.reserve(860)).allowed);
  });
}

test('DP7: a server that has forgotten every script is told it again, by the same request', async (t) => {
  await operator.flushAll();
  const [one, two] = pair(await openReplicas(t, 2, { url: server.url }));
  (await one.hold(4)).settle(spendOf(4));
  await untilSpent(two, 4, 0);
  await operator.sendCommand(['SCRIPT', 'FLUSH']);
  const held = await two.hold(5);
  assert.ok(!(await one.reserve(2)).allowed);
  held.settle(spendOf(6));
  await untilSpent(one, 10, 0);
  assert.deepEqual([one.redis.state.ready, two.redis.state.ready], [true, true]);
});
