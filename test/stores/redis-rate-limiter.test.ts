import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { LimitSubject, RateLimiter } from '../../src/core/ports.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import type { Redis } from '../../src/stores/redis/connection.ts';
import { createRedisRateLimiter } from '../../src/stores/redis/rate-limiter.ts';
import { placesConformance } from '../conformance/places.ts';
import { rateLimiterConformance } from '../conformance/rate-limiter.ts';
import type { RateLimitRule } from '../conformance/rate-limiter-rig.ts';
import { createHeldClock } from '../held-clock.ts';
import { heldTime, openOperator, openSharedServer, openWatched, putTime } from './redis-rig.ts';

const server = await openSharedServer();
const operator = await openOperator(server.url);
const { redis, told } = await openWatched(server.url);
after(async () => {
  await redis.close();
  operator.destroy();
});

const subject: LimitSubject = {
  key: 'k',
  user: '',
  team: '',
  tenant: 't',
  address: 'a',
  route: '/',
};
const alone = () => 1;
const slow = { per: 'key', requests: { count: 1, perMs: 60_000 }, burst: 10 } as const;

async function takes(limiter: RateLimiter, count: number, who = subject): Promise<number> {
  let passed = 0;
  for (let taken = 0; taken < count; taken += 1) passed += Number((await limiter.take(who)).allowed);
  return passed;
}

/** Counts by the clock that the test holds, here and in the server. */
async function openHeld(limits: readonly RateLimitRule[], clock: Clock): Promise<RateLimiter> {
  await operator.flushAll();
  let running: Promise<unknown> = Promise.resolve();
  let settling: Promise<void> = Promise.resolve();
  const followed: Redis = {
    ...redis,
    subscribe: (...given) => redis.subscribe(...given),
    get state() {
      return redis.state;
    },
    run: (...given) => {
      const reply = redis.run(...given);
      running = reply;
      return reply;
    },
  };
  const limiter = createRedisRateLimiter(limits, {
    redis: followed,
    clock,
    replicas: alone,
    time: heldTime,
  });
  return {
    limitsCallers: limiter.limitsCallers,
    limitsCalls: limiter.limitsCalls,
    take: async (who) => {
      // Settling is waited for by nobody else: here it is over before anything is taken again.
      await settling;
      await running;
      await putTime(operator, clock.now());
      const decision = await limiter.take(who);
      if (!decision.allowed || decision.settle === undefined) return decision;
      const { settle } = decision;
      const settleThen = (tokens: number | undefined) => {
        const atMs = clock.now();
        settling = settling.then(() => putTime(operator, atMs)).then(() => settle(tokens));
      };
      return { ...decision, settle: settleThen };
    },
  };
}

rateLimiterConformance({ driver: 'redis', create: openHeld, strangers: 3_000, runs: 30, roundingMs: 0.001 });

placesConformance('redis', openHeld);

test('C11: two replicas together let through what one would, also when a hundred come to both at once', async () => {
  await operator.flushAll();
  const options = { redis, clock: systemClock, replicas: () => 2 };
  const replicas = [createRedisRateLimiter([slow], options), createRedisRateLimiter([slow], options)];
  const decisions = await Promise.all(
    Array.from({ length: 100 }, (_, index) => replicas[index % 2]?.take(subject)),
  );
  assert.equal(decisions.filter((decision) => decision?.allowed).length, 10);
});

test('a limit forgets a subject when its allowance is whole again, and until then it is all under one hash tag', async () => {
  await operator.flushAll();
  const limiter = createRedisRateLimiter([slow], { redis, clock: systemClock, replicas: alone });
  assert.ok((await limiter.take(subject)).allowed);
  const [key = '', ...others] = await operator.keys('*');
  assert.deepEqual(others, []);
  assert.match(key, /^millrace:\{limits\}:rate:/);
  const leftMs = await operator.pTTL(key);
  assert.ok(leftMs > 50_000 && leftMs <= 60_000, `${leftMs} ms`);
});

test('DP2: what was taken counts still when the server comes back empty', async () => {
  const clock = createHeldClock();
  await operator.flushAll();
  const options = { redis, clock, replicas: alone };
  const limiter = createRedisRateLimiter([slow], options);
  assert.equal(await takes(limiter, 50), 10);
  await operator.flushAll();
  assert.equal(await takes(limiter, 50), 0);
  assert.equal(
    await takes(createRedisRateLimiter([slow], options), 50),
    0,
    'another replica is told as well',
  );
});

test('P8: a server whose clock is set back refuses nobody for longer than the limit itself', async () => {
  const clock = createHeldClock();
  const limiter = await openHeld([{ ...slow, burst: 1 }], clock);
  clock.advance(3_600_000);
  assert.equal(await takes(limiter, 5), 1);
  await operator.set('held-time', String(1_800_000_000_000_000));
  const refused = await createRedisRateLimiter([{ ...slow, burst: 1 }], {
    redis,
    clock: createHeldClock(),
    replicas: alone,
    time: heldTime,
  }).take(subject);
  assert.ok(!refused.allowed && refused.retryAfterMs <= 60_000);
});

test('DP8: whatever lies at our key, the limit holds, nobody is locked out and the entry is made good', async () => {
  const clock = createHeldClock();
  const rubbish: readonly ((key: string) => Promise<unknown>)[] = [
    (key) => operator.set(key, 'rubbish'),
    (key) => operator.set(key, ''),
    (key) => operator.set(key, 'nan'),
    (key) => operator.set(key, '-9e99'),
    (key) => operator.set(key, '9'.repeat(1_000_000)),
    (key) => operator.lPush(key, ['a', 'b']),
    (key) => operator.hSet(key, 'a', 'b'),
  ];
  for (const put of rubbish) {
    await operator.flushAll();
    const fresh = () => createRedisRateLimiter([slow], { redis, clock, replicas: alone });
    assert.equal(await takes(fresh(), 1), 1);
    const [key = ''] = await operator.keys('*');
    await operator.del(key);
    await put(key);
    assert.equal(await takes(fresh(), 50), 10);
    assert.match((await operator.get(key)) ?? '', /^\d{16}$/);
  }
});

test('DP7: after SCRIPT FLUSH limits are shared as before, and nobody is told', async () => {
  const clock = createHeldClock();
  await operator.flushAll();
  const fresh = () => createRedisRateLimiter([slow], { redis, clock, replicas: alone });
  assert.equal(await takes(fresh(), 4), 4);
  await operator.scriptFlush();
  assert.equal(await takes(fresh(), 50), 6);
  assert.deepEqual(told, ['ready']);
});

test('a reload forgets nothing that was taken from a limit it leaves as it is', async () => {
  await operator.flushAll();
  const limiter = createRedisRateLimiter([slow], { redis, clock: systemClock, replicas: alone });
  assert.equal(await takes(limiter, 50), 10);
  assert.equal(await takes(limiter.follow([{ ...slow }]), 50), 0);
  assert.equal(await takes(limiter.follow([{ ...slow, burst: 2 }]), 50), 2);
});
