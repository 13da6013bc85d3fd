// Limits on tokens over Redis: what one replica gave back or owes, the others know.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LimitSubject, RateLimiter } from '../../src/core/ports.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createRedisRateLimiter } from '../../src/stores/redis/rate-limiter.ts';
import { until } from '../faults/rig.ts';
import { openRedisRig } from './redis-rig.ts';

const { operator, redis } = await openRedisRig();

/** Nothing of it comes back during a test. */
const thousand = { per: 'key', tokens: { count: 1, perMs: 3_600_000 }, burstTokens: 1_000 } as const;

async function openReplicas(): Promise<readonly [RateLimiter, RateLimiter]> {
  await operator.flushAll();
  const options = { redis, clock: systemClock, replicas: () => 2 };
  return [createRedisRateLimiter([thousand], options), createRedisRateLimiter([thousand], options)];
}

function subjectOf(tokens: number): LimitSubject {
  const caller = { key: 'k', user: '', team: '', tenant: 't', address: 'a', route: '/' };
  return { ...caller, call: { model: 'm', tokens } };
}

async function take(limiter: RateLimiter, tokens: number): Promise<(used: number) => void> {
  const decision = await limiter.take(subjectOf(tokens));
  assert.ok(decision.allowed, `${tokens} are there`);
  assert.ok(decision.settle !== undefined);
  return decision.settle;
}

async function isRefused(limiter: RateLimiter, tokens: number): Promise<boolean> {
  return !(await limiter.take(subjectOf(tokens))).allowed;
}

/** How many tokens are spent, as the server knows it. */
async function spent(): Promise<number> {
  const [key = ''] = await operator.keys('*');
  const [fullAt = '0'] = ((await operator.get(key)) ?? '').split(' ');
  return Math.round((Number(fullAt) / 1000 - Date.now()) / thousand.tokens.perMs);
}

test('tokens that one replica gave back are there for the other, although it knew of more that was taken', async () => {
  const [one, two] = await openReplicas();
  const settle = await take(one, 900);
  await take(two, 100);
  assert.ok(await isRefused(two, 1));
  settle(100);
  await until('it is told', async () => (await spent()) === 200);
  await take(two, 800);
  assert.ok(await isRefused(one, 1));
});

test('tokens that one replica owes are owed to the other too', async () => {
  const [one, two] = await openReplicas();
  const settle = await take(one, 10);
  settle(995);
  await until('it is told', async () => (await spent()) === 995);
  assert.ok(await isRefused(two, 10));
});

test('C11: of a hundred calls at once over two replicas no more pass than there are tokens', async () => {
  const replicas = await openReplicas();
  const decisions = await Promise.all(
    Array.from({ length: 100 }, (_, index) => replicas[index % 2]?.take(subjectOf(95))),
  );
  assert.equal(decisions.filter((decision) => decision?.allowed).length, 10);
});

test('DP2: what was taken counts still when the server comes back empty, and is settled as well as can be', async () => {
  const [one, two] = await openReplicas();
  const settle = await take(one, 900);
  await operator.flushAll();
  assert.ok(await isRefused(one, 200), 'whoever took it knows');
  assert.ok(await isRefused(two, 200), 'and tells the other');
  settle(100);
  await take(one, 100);
  assert.ok(await isRefused(two, 1), 'where the moment was lost nothing is given back');
});

test('DP8: whatever lies at the key, the limit holds and the entry is made good', async () => {
  for (const rubbish of ['rubbish', '1 2', '1 2 3', '1 2 3 4,5', '-1 2 3 4', `${'9'.repeat(60)} 1 1 1`]) {
    const [one] = await openReplicas();
    await take(one, 500);
    const [key = ''] = await operator.keys('*');
    await operator.set(key, rubbish);
    const stranger = createRedisRateLimiter([thousand], { redis, clock: systemClock, replicas: () => 1 });
    await take(stranger, 900);
    assert.ok(await isRefused(stranger, 200));
    assert.match((await operator.get(key)) ?? '', /^\d{16,17} \d{16} \d+ \d{16}$/);
  }
});

test("P8: a server's clock that is set back by a day takes nothing from anybody, whatever a day may owe", async () => {
  const [one] = await openReplicas();
  await take(one, 500);
  const [key = ''] = await operator.keys('*');
  const dayMicros = 24 * 3_600 * 1e6;
  const [full, born, back, at] = ((await operator.get(key)) ?? '').split(' ').map(Number);
  const later = [full, born, back, at].map((number, index) => (number ?? 0) + (index === 2 ? 0 : dayMicros));
  await operator.set(key, later.join(' '));
  const stranger = createRedisRateLimiter([thousand], { redis, clock: systemClock, replicas: () => 1 });
  await take(stranger, 500);
  assert.ok(await isRefused(stranger, 1));
});
