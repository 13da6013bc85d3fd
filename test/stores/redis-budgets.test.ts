import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fail } from '../../src/core/failure.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { Secret } from '../../src/lib/secret.ts';
import type { BudgetOption, BudgetsOptions } from '../../src/stores/budget-rules.ts';
import { createMemoryPresence } from '../../src/stores/memory/presence.ts';
import { createRedisBudgets } from '../../src/stores/redis/budgets.ts';
import type { Redis } from '../../src/stores/redis/connection.ts';
import { openRedisShared } from '../../src/stores/redis/shared-state.ts';
import { budgetsConformance } from '../conformance/budgets.ts';
import {
  alertAt,
  type BudgetsRig,
  daily,
  spendOf,
  subject,
  wednesdayMs,
} from '../conformance/budgets-rig.ts';
import { until } from '../faults/rig.ts';
import { createHeldClock } from '../held-clock.ts';
import { nothingBefore, openReplicas, pair, untilSpent } from './budget-pair.ts';
import { heldTime, openRedisRig, openSharedServer } from './redis-rig.ts';

const { server, operator, redis } = await openRedisRig();

/** What the test before has left behind is over, before the server forgets it. */
let quietBefore = () => Promise.resolve();

/** Counts by the clock that the test holds, here and in the server; and says when all it was told is counted. */
async function openHeld(
  budgets: readonly BudgetOption[],
  options: BudgetsOptions & { readonly clock: Clock },
): Promise<BudgetsRig> {
  await quietBefore();
  await operator.flushAll();
  const running = new Set<Promise<unknown>>();
  const followed: Redis = {
    call: (args) => redis.call(args),
    subscribe: (channel, listener) => redis.subscribe(channel, listener),
    close: () => redis.close(),
    get state() {
      return redis.state;
    },
    run: (...given) => {
      const nowMicros = String(options.clock.wall() * 1_000);
      const reply = operator.set('held-time', nowMicros).then(() => redis.run(...given));
      running.add(reply);
      void reply.finally(() => running.delete(reply)).catch(() => {});
      return reply;
    },
  };
  const opened = createRedisBudgets(budgets, {
    ...options,
    redis: followed,
    presence: createMemoryPresence(),
    time: heldTime,
  });
  const quiet = async () => {
    // What is answered may ask again, a turn later.
    while (running.size > 0) await Promise.allSettled(running).then(() => new Promise(setImmediate));
  };
  quietBefore = quiet;
  return { budgets: opened, quiet };
}

budgetsConformance({ driver: 'redis', open: openHeld, runs: 25 });

test('G11, C10: a hundred at once over two replicas, and as many are let through as there is money for', async (t) => {
  await operator.flushAll();
  const replicas = await openReplicas(t, 2, { url: server.url });
  for (const { hold } of replicas) (await hold(0)).settle(spendOf(0));
  const decisions = await Promise.all(
    Array.from({ length: 100 }, (_, index) => pair(replicas)[index % 2 === 0 ? 0 : 1].reserve(1)),
  );
  assert.equal(decisions.filter(({ allowed }) => allowed).length, 10);
  const refused = decisions.filter((decision) => !decision.allowed);
  assert.ok(refused.every(({ why }) => why === 'spent'));
});

test('what is settled last is told before the connection is closed', async (t) => {
  await operator.flushAll();
  const [one] = await openReplicas(t, 1, { url: server.url });
  assert.ok(one !== undefined);
  const shared = await openRedisShared(
    { url: new Secret(server.url), timeoutMs: 100 },
    { clock: systemClock, id: 'leaving', onTrouble: () => {} },
  );
  const budgets = shared.budgets([daily(10)], { spentBefore: nothingBefore, onCrossed: () => {} });
  const decisions = await Promise.all(
    [1, 1].map(async (count) => await budgets.reserve(subject, spendOf(count))),
  );
  for (const decision of decisions) if (decision.allowed) decision.reservation?.settle(spendOf(0.5));
  await shared.close();
  assert.deepEqual(await one.spent(), [1, 0]);
});

test('an alert is told once over all replicas', async (t) => {
  await operator.flushAll();
  const [one, two] = pair(await openReplicas(t, 2, { url: server.url }));
  const held = await Promise.all([one.hold(3), two.hold(3), one.hold(2), two.hold(2)]);
  for (const reservation of held) reservation.settle(spendOf(3));
  await untilSpent(one, 12, 0);
  await until('somebody was told', () => one.crossed.includes(1) || two.crossed.includes(1));
  const told = [...one.crossed, ...two.crossed];
  assert.equal(told.length, new Set(told).size, told.join());
});

test('DP2: after FLUSHALL all replicas tell what they know before anything is given away again', async (t) => {
  await operator.flushAll();
  const asked: number[] = [];
  const spentBefore = () => {
    asked.push(1);
    return Promise.resolve(0);
  };
  const [one, two] = pair(await openReplicas(t, 2, { url: server.url, spentBefore }));
  (await one.hold(3)).settle(spendOf(3));
  (await two.hold(2)).settle(spendOf(2));
  await untilSpent(two, 5, 0);
  const open = await two.hold(4);
  await operator.flushAll();
  const refused = await one.reserve(2);
  assert.ok(!refused.allowed && refused.why === 'spent', JSON.stringify(refused));
  await untilSpent(one, 5, 4);
  open.settle(spendOf(4));
  await untilSpent(one, 9, 0);
  assert.ok((await one.reserve(1)).allowed);
  assert.ok(!(await two.reserve(1)).allowed);
});

/** Two that wait by a clock that stands still, at a server whose clock does so too. */
async function openStill(t: TestContext, known: number) {
  const clock = createHeldClock();
  const forget = () =>
    operator
      .multi()
      .flushAll()
      .set('held-time', String(wednesdayMs * 1_000))
      .exec();
  await forget();
  const held = { clock, time: heldTime };
  const [one, two] = pair(await openReplicas(t, 2, { url: server.url, held, known }));
  const begun = 'millrace:{limits}:budgets';
  return { clock, forget, one, two, epoch: () => operator.hGetAll(begun) };
}

test('DP2, DP8: what was forgotten is held back until the last replica has told, and no longer', async (t) => {
  const { forget, one, two, epoch } = await openStill(t, 2);
  await operator.hSet('millrace:{limits}:budgets', 'open', 0);
  (await one.hold(3)).settle(spendOf(3));
  await untilSpent(two, 3, 0);
  await two.hold(4);
  await forget();
  const decisions = await Promise.all([one.reserve(4), two.reserve(3), one.reserve(3)]);
  assert.equal(decisions.filter(({ allowed }) => allowed).length, 1);
  const { born, open } = await epoch();
  assert.equal(open, born, 'no time has passed');
});

test('DP2: of three replicas one that says nothing is waited for, and not for long', async (t) => {
  const { clock, forget, one, two, epoch } = await openStill(t, 3);
  await operator.hSet('millrace:{limits}:budgets', 'open', 0);
  await one.hold(3);
  await two.hold(4);
  await forget();
  const waiting = Promise.all([one.reserve(3), two.reserve(4)]);
  const told = async () => Object.keys(await epoch()).filter((field) => field.startsWith('told:'));
  await until('both have told', async () => (await told()).length === 2);
  await until('both wait', () => clock.pending >= 2);
  const { born, open, replicas } = await epoch();
  assert.deepEqual([Number(open) - Number(born), replicas], [250, '3']);
  await operator.set('held-time', String((wednesdayMs + 250) * 1_000));
  clock.advance(250);
  assert.equal((await waiting).filter(({ allowed }) => allowed).length, 1);
});

test('DP2: of a server that comes back with what it had a while ago, what replicas know counts', async (t) => {
  await operator.flushAll();
  const [one, two] = pair(await openReplicas(t, 2, { url: server.url }));
  (await one.hold(3)).settle(spendOf(3));
  await untilSpent(one, 3, 0);
  const saved = await Promise.all(
    (await operator.keys('millrace:{limits}:budget:*')).map(
      async (key) => [key, await operator.hGetAll(key)] as const,
    ),
  );
  (await two.hold(4)).settle(spendOf(4));
  const held = await one.hold(2);
  await untilSpent(two, 7, 2);
  for (const [key, account] of saved) {
    await operator.del(key);
    await operator.hSet(key, account);
  }
  const lost = [one, two].map(({ until: reaches }) => reaches('offline'));
  await operator.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'yes']);
  await Promise.all(lost);
  await Promise.all([one.until('ready'), two.until('ready')]);
  await untilSpent(one, 7, 2);
  held.settle(spendOf(1));
  await untilSpent(one, 8, 0);
});

test('G11: what a replica held that died counts as spent when its lease ends, and not before', async (t) => {
  await operator.flushAll();
  const [one, two] = pair(await openReplicas(t, 2, { url: server.url }));
  await two.hold(6);
  assert.ok(!(await one.reserve(5)).allowed);
  for (const key of await operator.keys('millrace:{limits}:budget-leases:*')) {
    for (const member of await operator.zRange(key, 0, -1))
      await operator.zAdd(key, { score: 1, value: member });
  }
  (await one.hold(1)).settle(spendOf(1));
  await untilSpent(one, 7, 0);
});

test('G19: who comes for the first time while Redis is away is looked up in the ledger; without it, it is our outage', async (t) => {
  const own = await openSharedServer();
  let ledger: number | undefined;
  const spentBefore = () =>
    ledger === undefined
      ? Promise.reject(fail('dependency_unavailable', 'the ledger is away'))
      : Promise.resolve(ledger);
  const budget: BudgetOption = { per: 'key', usd: 1_000, window: 'day', alertAt };
  const [one] = await openReplicas(t, 1, { url: own.url, budget, spentBefore });
  assert.ok(one !== undefined);
  own.kill();
  await one.until('offline');
  assert.deepEqual(await one.reserve(1), { allowed: false, why: 'unavailable' });
  ledger = 980e9;
  await one.hold(20);
  assert.deepEqual(await one.reserve(1), { allowed: false, why: 'unavailable' });
  await own.restart();
  await one.until('ready');
  (await one.hold(0)).settle(spendOf(0));
  await untilSpent(one, 980, 20);
  assert.ok(!(await one.reserve(1)).allowed);
});

test('G20: of whom an earlier run knew nobody waits twice for a ledger that cannot tell, and what was given away is counted', async (t) => {
  await operator
    .multi()
    .flushAll()
    .set('held-time', String(wednesdayMs * 1_000))
    .exec();
  const later = Promise.withResolvers<number>();
  // By a clock that stands still nobody waits in vain and goes on.
  const answers = [
    () => Promise.reject(fail('dependency_unavailable', 'it is away')),
    () => later.promise,
    () => Promise.resolve(930e9),
  ];
  const [one] = await openReplicas(t, 1, {
    url: server.url,
    budget: { per: 'key', usd: 1_000, window: 'day', alertAt },
    held: { clock: createHeldClock(), time: heldTime },
    spentBefore: () => answers.shift()?.() ?? Promise.reject(new Error('asked too often')),
    lastLook: () => Promise.resolve({ spent: 900e9, owed: 0, alone: 0 }),
  });
  assert.ok(one !== undefined);
  const untilCounted = (usd: number) =>
    until('Redis was told of it', async () => {
      const [key = ''] = await operator.keys('millrace:{limits}:budget:*');
      return (await operator.hGet(key, 's')) === String(usd * 1e9);
    });
  (await one.hold(10)).settle(spendOf(10));
  await untilCounted(10);
  (await one.hold(20)).settle(spendOf(20));
  await untilCounted(30);
  const open = await one.hold(15);
  assert.deepEqual(await one.reserve(6), { allowed: false, why: 'unavailable' }, 'no more than 5 % of it');
  // Nobody waited for it. It tells what was so when it was asked, and 20 of ours were counted since.
  later.resolve(910e9);
  await until('it is counted', async () => {
    const decision = await one.reserve(56);
    assert.ok(!decision.allowed);
    return decision.why === 'spent';
  });
  await untilSpent(one, 930, 15);
  open.settle(spendOf(15));
  await untilSpent(one, 945, 0);
});

test('G19: a dead server leaves each replica a small part, then it is our outage; what was spent is told', async (t) => {
  const own = await openSharedServer();
  const budget: BudgetOption = { per: 'key', usd: 1_000, window: 'day', alertAt };
  const [one, two] = pair(await openReplicas(t, 2, { url: own.url, budget }));
  (await one.hold(100)).settle(spendOf(100));
  const before = await two.hold(10);
  await untilSpent(two, 100, 10);
  await one.hold(1).then((reservation) => reservation.settle(spendOf(1)));
  await untilSpent(one, 101, 10);
  own.kill();
  await Promise.all([one.until('offline'), two.until('offline')]);
  const part = await one.hold(20);
  const decision = await one.reserve(20);
  assert.deepEqual(decision, { allowed: false, why: 'unavailable' });
  part.settle(spendOf(15));
  await one.hold(10);
  before.settle(spendOf(9));
  await own.restart();
  await Promise.all([one.until('ready'), two.until('ready')]);
  await untilSpent(one, 125, 10);
});

test('G19: a hung server keeps nobody waiting for long, and what was taken meanwhile is told', async (t) => {
  const own = await openSharedServer();
  const budget: BudgetOption = { per: 'key', usd: 1_000, window: 'day', alertAt };
  const [one] = await openReplicas(t, 1, { url: own.url, budget });
  assert.ok(one !== undefined);
  (await one.hold(1)).settle(spendOf(1));
  await untilSpent(one, 1, 0);
  own.pause();
  const startMs = performance.now();
  const held = await one.hold(5);
  assert.ok(performance.now() - startMs < 500, `${performance.now() - startMs} ms`);
  held.settle(spendOf(4));
  // Refused here, and yet carried out there when it wakes up.
  assert.deepEqual(await one.reserve(800), { allowed: false, why: 'unavailable' });
  own.resume();
  await untilSpent(one, 5, 0);
});

test('DP8: whatever lies at our keys is nothing: it is asked for again, and no money is free', async (t) => {
  await operator.flushAll();
  const [one] = await openReplicas(t, 1, { url: server.url, spentBefore: () => Promise.resolve(6e9) });
  assert.ok(one !== undefined);
  const held = await one.hold(1);
  const rubbish: readonly ((key: string) => Promise<unknown>)[] = [
    (key) => operator.set(key, 'rubbish'),
    (key) => operator.lPush(key, ['a', 'b']),
    (key) => operator.hSet(key, 's', 'nan'),
    (key) => operator.hSet(key, { s: '-9e99', r: 'x', k: '1' }),
  ];
  for (const put of rubbish) {
    for (const key of await operator.keys('millrace:{limits}:budget:*')) {
      await operator.del(key);
      await put(key);
    }
    assert.ok(!(await one.reserve(5)).allowed);
    const little = await one.hold(2);
    little.settle(spendOf(0));
    await untilSpent(one, 6, 0);
  }
  held.settle(spendOf(1));
});

test('everything is under one hash tag, and goes two days after its window', async (t) => {
  await operator.flushAll();
  const [one] = await openReplicas(t, 1, { url: server.url });
  await one?.hold(1);
  const keys = (await operator.keys('*')).filter(
    (key) => !key.includes('presence') && !key.includes('probe'),
  );
  for (const key of keys) assert.match(key, /^millrace:\{limits\}:budget/);
  for (const key of keys.filter((each) => each !== 'millrace:{limits}:budgets')) {
    const leftMs = await operator.pTTL(key);
    assert.ok(leftMs > 2 * 86_400_000 && leftMs <= 3 * 86_400_000, `${key}: ${leftMs} ms`);
  }
});
