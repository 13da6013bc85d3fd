// Limits on how many run at once, over replicas that share a Redis server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LimitDecision, LimitSubject, RateLimiter } from '../../src/core/ports.ts';
import type { RateLimit } from '../../src/stores/limit-rules.ts';
import type { Redis, RedisState } from '../../src/stores/redis/connection.ts';
import { createRedisRateLimiter } from '../../src/stores/redis/rate-limiter.ts';
import { until } from '../faults/rig.ts';
import { createHeldClock, type HeldClock } from '../held-clock.ts';
import { heldTime, openRedisRig, putTime } from './redis-rig.ts';

const { operator, redis } = await openRedisRig();

const limit = { per: 'key', concurrent: 4 } as const;
const subject: LimitSubject = { key: 'k', user: '', team: '', tenant: 't', address: 'a', route: '/' };

interface Replica {
  readonly limiter: RateLimiter;
  readonly clock: HeldClock;
  /** Whether it reaches the server. */
  readonly reach: { away: boolean };
}

/** Each with a clock of its own; the server's is held by the test as well. */
async function openReplicas(limits?: readonly RateLimit[]): Promise<readonly [Replica, Replica]> {
  await operator.flushAll();
  await putTime(operator, 0);
  return [openReplica(limits), openReplica(limits)];
}

const offline: RedisState = { ready: false, kind: 'offline', message: 'away' };

function openReplica(limits: readonly RateLimit[] = [limit]): Replica {
  const clock = createHeldClock();
  const reach = { away: false };
  const reached: Redis = {
    ...redis,
    subscribe: (...given) => redis.subscribe(...given),
    run: (...given) => redis.run(...given),
    get state() {
      return reach.away ? offline : redis.state;
    },
  };
  const options = { redis: reached, clock, replicas: () => 2, time: heldTime };
  return { clock, reach, limiter: createRedisRateLimiter(limits, options) };
}

async function begin({ limiter }: Replica, count: number): Promise<LimitDecision[]> {
  const decisions = await Promise.all(Array.from({ length: count }, () => limiter.take(subject)));
  return decisions.filter(({ allowed }) => allowed);
}

function end(decision: LimitDecision | undefined): void {
  assert.ok(decision?.allowed);
  decision.settle?.(undefined);
}

/** How many the server knows of. */
async function held(): Promise<number> {
  const [key] = await operator.keys('millrace:{limits}:held:*');
  return key === undefined ? 0 : await operator.zCard(key);
}

test('C11: two replicas together let as many run as one would, also when a hundred come to both at once', async () => {
  const [one, two] = await openReplicas();
  const running = (await Promise.all([begin(one, 50), begin(two, 50)])).flat();
  assert.equal(running.length, 4);
  end(running[0]);
  end(running[3]);
  await until('they have left', async () => (await held()) === 2);
  assert.equal((await Promise.all([begin(one, 50), begin(two, 50)])).flat().length, 2);
});

test('G23: where nobody holds a place any more nothing is waited for, so that a gateway ends when its last request has', async () => {
  const [one] = await openReplicas();
  const [first, second] = await begin(one, 2);
  end(first);
  assert.equal(one.clock.pending, 1);
  end(second);
  assert.equal(one.clock.pending, 0);
  const [third] = await begin(one, 1);
  assert.equal(one.clock.nextInMs, 10_000);
  end(third);
  assert.equal(one.clock.pending, 0);
});

test('G23, DP1: nor after a refusal while the server is away', async () => {
  const [one] = await openReplicas([{ ...limit, requests: { count: 2, perMs: 3_600_000 }, burst: 2 }]);
  one.reach.away = true;
  const [first] = await begin(one, 1);
  end(first);
  const { pending } = one.clock;
  assert.equal((await begin(one, 1)).length, 0, 'its share of the requests is used up');
  assert.equal(one.clock.pending, pending);
});

test('places are kept for as long as their replica says so, and those of one that died are free within a minute', async () => {
  const [one, two] = await openReplicas();
  const [running] = await begin(one, 4);
  for (const atMs of [10_000, 20_000, 30_000, 40_000, 50_000, 60_000]) {
    await putTime(operator, atMs);
    const before = await leasesUntil();
    one.clock.advance(10_000);
    await until('they are renewed', async () => (await leasesUntil()) > before);
  }
  assert.equal((await begin(two, 9)).length, 0);
  end(running);
  await until('it has left', async () => (await held()) === 3);
  // From here on nobody hears of the first one.
  await putTime(operator, 60_000 + 29_999);
  assert.equal((await begin(two, 9)).length, 1);
  await putTime(operator, 60_000 + 30_000);
  assert.equal((await begin(two, 9)).length, 3);
});

async function leasesUntil(): Promise<number> {
  const [key = ''] = await operator.keys('millrace:{limits}:held:*');
  const [first] = await operator.zRangeWithScores(key, 0, 0);
  return first?.score ?? 0;
}

test('DP1: without the server each replica lets its share run, and the server is told when it is back', async () => {
  const [one, two] = await openReplicas();
  one.reach.away = true;
  two.reach.away = true;
  const running = [...(await begin(one, 9)), ...(await begin(two, 9))];
  assert.equal(running.length, 4);
  one.reach.away = false;
  two.reach.away = false;
  for (const { clock } of [one, two]) clock.advance(10_000);
  await until('the server knows them all', async () => (await held()) === 4);
  for (const each of running) end(each);
  await until('all have left', async () => (await held()) === 0);
});

test('DP2: a server that comes back empty is told again who runs', async () => {
  const [one, two] = await openReplicas();
  await begin(one, 4);
  await operator.flushAll();
  await putTime(operator, 0);
  assert.equal((await begin(one, 9)).length, 0, 'who has all the places knows that');
  one.clock.advance(10_000);
  await until('the server knows them', async () => (await held()) === 4);
  assert.equal((await begin(two, 9)).length, 0);
});

test('DP8, P8: rubbish at our key and leases from a future that was set back hold no place', async () => {
  const [one] = await openReplicas();
  const [running] = await begin(one, 1);
  const [key = ''] = await operator.keys('millrace:{limits}:held:*');
  end(running);
  await until('it has left', async () => (await held()) === 0);
  await operator.set(key, 'rubbish');
  assert.equal((await begin(one, 9)).length, 4);
  const [, two] = await openReplicas();
  await operator.zAdd(
    key,
    [1, 2, 3, 4].map((each) => ({ score: 9e15, value: `ghost-${each}` })),
  );
  assert.equal((await begin(two, 9)).length, 4);
});
