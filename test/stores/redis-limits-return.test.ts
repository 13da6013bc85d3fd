/** Limits over two replicas while Redis goes and comes back: never more than burst + rate × t over both (G19, DP1–DP3). */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { LimitSubject, RateLimiter } from '../../src/core/ports.ts';
import { noticedWithinMs } from '../../src/stores/redis/connection.ts';
import { createRedisRateLimiter } from '../../src/stores/redis/rate-limiter.ts';
import type { RateLimitRule } from '../conformance/rate-limiter-rig.ts';
import { createHeldClock } from '../held-clock.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { openWatched } from './redis-rig.ts';

const subject: LimitSubject = { key: 'k', user: '', team: '', tenant: 't', address: 'a', route: '/' };
const burst = 24;
/** One comes back in an hour: what a test takes to run is nothing beside it. */
const slow: RateLimitRule = { per: 'key', requests: { count: 1, perMs: 3_600_000 }, burst };
const tokens: RateLimitRule = {
  per: 'key',
  tokens: { count: 1, perMs: 3_600_000 },
  burstTokens: burst,
};
const ofOne = { ...subject, call: { model: 'm', tokens: 1 } };

interface Outage {
  readonly name: string;
  /** What a server that stands still was asked for is done when it goes on, though nobody waits for it any more. */
  readonly lost: number;
  readonly begin: (server: RedisServer) => void;
  readonly end: (server: RedisServer) => Promise<void> | void;
}

const outages: readonly Outage[] = [
  {
    name: 'killed, and empty when it is back',
    lost: 2,
    begin: (server) => server.kill(),
    end: (server) => server.restart(),
  },
  {
    name: 'paused, with all it knew',
    lost: 12,
    begin: (server) => server.pause(),
    end: (server) => server.resume(),
  },
];

async function openPair(t: TestContext, limit: RateLimitRule) {
  const server = await openRedisServer();
  t.after(() => server.stop());
  const clock = createHeldClock();
  const open = async () => {
    const { redis, until } = await openWatched(server.url);
    t.after(() => redis.close());
    const limiter = createRedisRateLimiter([limit], { redis, clock, replicas: () => 2 });
    const away = async () => {
      while (redis.state.ready) await redis.call(['PING']).catch(() => undefined);
    };
    const back = async () => {
      await until('ready');
      await setImmediate();
    };
    return { limiter, back, away };
  };
  return { server, clock, open, pair: [await open(), await open()] as const };
}

async function takes({ limiter }: { limiter: RateLimiter }, count: number, who = subject): Promise<number> {
  let passed = 0;
  for (let taken = 0; taken < count; taken += 1) {
    const decision = await limiter.take(who);
    passed += Number(decision.allowed);
  }
  return passed;
}

for (const { name, lost, begin, end } of outages) {
  for (const [unit, limit, who] of [
    ['requests', slow, subject],
    ['tokens', tokens, ofOne],
  ] as const) {
    test(`G19: ${unit} over two replicas stay within their limit when Redis is ${name}`, async (t) => {
      const { server, clock, open, pair } = await openPair(t, limit);
      const [one, other] = pair;
      let passed = 0;
      for (let round = 0; round < 4; round += 1)
        passed += (await takes(one, 1, who)) + (await takes(other, 1, who));
      assert.equal(passed, 8);
      begin(server);
      // Some of it while it is being noticed, and some after.
      passed += await takes(one, 30, who);
      assert.equal(passed, 16, 'one gives away its half of what was left');
      await one.away();
      if (unit === 'tokens') passed += await takes(other, 3, who);
      await other.away();
      await end(server);
      await other.back();
      // Whoever comes back first may not give away what the other gives away meanwhile.
      passed += await takes(other, 30, who);
      passed += await takes(one, 30, who);
      await one.back();
      passed += (await takes(one, 30, who)) + (await takes(other, 30, who));
      clock.advance(noticedWithinMs);
      passed += (await takes(one, 30, who)) + (await takes(other, 30, who));
      passed += await takes(await open(), 30, who);
      t.diagnostic(`${passed} of ${burst}`);
      assert.ok(passed <= burst, `${passed}`);
      assert.ok(passed >= burst - lost, `${passed}: and hardly less`);
    });
  }
}
