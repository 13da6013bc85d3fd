import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setImmediate as immediate, setTimeout as pause } from 'node:timers/promises';
import type { LimitDecision, LimitSubject, RateLimiter } from '../../src/core/ports.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Redis } from '../../src/stores/redis/connection.ts';
import { createRedisRateLimiter } from '../../src/stores/redis/rate-limiter.ts';
import { createEar } from '../conformance/presence.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { type Operator, openOperator, openWatched, type Watched } from './redis-rig.ts';

const subject: LimitSubject = {
  key: 'k',
  user: '',
  team: '',
  tenant: 't',
  address: 'a',
  route: '/',
};
const slow = { per: 'key', requests: { count: 1, perMs: 600_000 }, burst: 10 } as const;
const recoveryMsMax = 10_000;

async function openServer(t: TestContext): Promise<{ server: RedisServer; operator: Operator }> {
  const server = await openRedisServer();
  const operator = await openOperator(server.url);
  t.after(async () => {
    operator.destroy();
    await server.stop();
  });
  return { server, operator };
}

async function open(t: TestContext, url: string): Promise<Watched> {
  const watched = await openWatched(url);
  t.after(() => watched.redis.close());
  return watched;
}

function limiterOf(redis: Redis, replicas = 2): RateLimiter {
  return createRedisRateLimiter([slow], { redis, clock: systemClock, replicas: () => replicas });
}

let stranger = 0;

/** As nobody before: with a whole allowance. */
async function burstOfAStranger(limiter: RateLimiter): Promise<number> {
  stranger += 1;
  const decisions: LimitDecision[] = [];
  for (let count = 0; count < 30; count += 1)
    decisions.push(await limiter.take({ ...subject, key: `stranger-${stranger}` }));
  return decisions.filter(({ allowed }) => allowed).length;
}

/** Each of two replicas enforces half of ten. */
async function holdsByShare(limiter: RateLimiter): Promise<void> {
  assert.equal(await burstOfAStranger(limiter), 5);
}

async function isBackInTime({ redis, until }: Watched): Promise<void> {
  const fromMs = performance.now();
  await until('ready');
  assert.ok(performance.now() - fromMs <= recoveryMsMax);
  assert.equal(await burstOfAStranger(limiterOf(redis)), 10);
}

interface Taken {
  readonly atMs: number;
  readonly tookMs: number;
}

/** Requests as they come, whether or not those before were answered. */
async function takeAt(
  limiter: RateLimiter,
  rate: { perSecond: number; forMs: number; halfway?: () => void },
): Promise<Taken[]> {
  let { halfway } = rate;
  const startedMs = performance.now();
  const all: Promise<Taken>[] = [];
  for (let atMs = 0; atMs < rate.forMs; atMs = performance.now() - startedMs) {
    if (atMs > rate.forMs / 2) {
      halfway?.();
      halfway = undefined;
    }
    while (all.length < (atMs * rate.perSecond) / 1000) {
      const beganMs = performance.now();
      const take = async () => {
        await limiter.take(subject);
        return { atMs: beganMs - startedMs, tookMs: performance.now() - beganMs };
      };
      all.push(take());
    }
    await pause(1);
  }
  return Promise.all(all);
}

function percentile(taken: readonly Taken[], share: number): number {
  const sorted = taken.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

test('DP1, G19: killed under 300 requests a second, nothing fails or waits, limits hold by share, and one line tells', async (t) => {
  const { server } = await openServer(t);
  const watched = await open(t, server.url);
  const limiter = limiterOf(watched.redis);
  const taken = await takeAt(limiter, { perSecond: 300, forMs: 1_500, halfway: () => server.kill() });
  assert.ok(taken.length > 400, `${taken.length} were taken`);
  assert.ok(percentile(taken, 0.99) <= 150, `p99 ${percentile(taken, 0.99)} ms`);
  await holdsByShare(limiter);
  assert.deepEqual(watched.told, ['ready', 'offline']);
  await server.restart();
  await isBackInTime(watched);
  assert.deepEqual(watched.told, ['ready', 'offline', 'ready']);
});

test('DP1, DP2, C11: over a kill and a return empty, two replicas let through burst + rate × t, and what the switch back may', async (t) => {
  const { server } = await openServer(t);
  const [one, two] = [await open(t, server.url), await open(t, server.url)];
  const limit = { per: 'key', requests: { count: 20, perMs: 1_000 }, burst: 40 } as const;
  const limiters = [one, two].map(({ redis }) =>
    createRedisRateLimiter([limit], { redis, clock: systemClock, replicas: () => 2 }),
  );
  let passed = 0;
  const startedMs = performance.now();
  const hammer = async (limiter: RateLimiter) => {
    for (let count = 0; count < 150; count += 1) {
      if ((await limiter.take(subject)).allowed) passed += 1;
      await pause(4);
    }
  };
  const hammerBoth = () => Promise.all(limiters.map(hammer));
  await hammerBoth();
  const goingOn = hammerBoth();
  server.kill();
  await Promise.all([one.until('offline'), two.until('offline'), goingOn]);
  const stillGoingOn = hammerBoth();
  await server.restart();
  const backAt = [one, two].map(async (each) => {
    await each.until('ready');
    return performance.now();
  });
  const [first = 0, second = 0] = await Promise.all(backAt);
  await stillGoingOn;
  await hammerBoth();
  const most = 40 + (20 * (performance.now() - startedMs)) / 1000;
  // What an operation may take in time is held back of what a replica tells; whoever is back later goes on with its half
  // meanwhile; and each has one request under way as it switches.
  const bySwitch = 20 * 0.1 + (10 * Math.abs(first - second)) / 1000 + 2;
  assert.ok(passed <= most + bySwitch, `${passed} of ${most} and ${bySwitch}`);
  assert.ok(passed >= most * 0.7, `${passed} of ${most}`);
});

test('DP4, R5: a server that hangs costs 150 ms at first and then nothing, and is taken back when it goes on', async (t) => {
  const { server } = await openServer(t);
  const watched = await open(t, server.url);
  const limiter = limiterOf(watched.redis);
  await limiter.take(subject);
  server.pause();
  const taken = await takeAt(limiter, { perSecond: 300, forMs: 2_500 });
  assert.ok(percentile(taken, 0.99) <= 150);
  const later = taken.filter(({ atMs }) => atMs > 500);
  assert.ok(later.length > 400 && percentile(later, 0.99) <= 5, `p99 ${percentile(later, 0.99)} ms later`);
  await holdsByShare(limiter);
  assert.deepEqual(watched.told, ['ready', 'timeout']);
  server.resume();
  await isBackInTime(watched);
});

test('DP3, R7: a server that never answers is asked by one connection at a time, with pauses, whatever the load', async (t) => {
  let accepted = 0;
  const standing = new Set<Socket>();
  const deaf = await listen(t, (socket) => {
    accepted += 1;
    standing.add(socket);
    socket.on('close', () => standing.delete(socket)).on('error', () => {});
    assert.ok(standing.size <= 1, 'a second probe beside the first');
    socket.resume();
  });
  const watched = await open(t, `redis://127.0.0.1:${portOf(deaf)}`);
  const limiter = limiterOf(watched.redis);
  await takeAt(limiter, { perSecond: 1_000, forMs: 3_000 });
  assert.ok(accepted >= 2 && accepted <= 6, `${accepted} connections`);
  assert.deepEqual(watched.told, ['timeout']);
});

test('R7: a server that hangs up at once is asked again with ever longer pauses', async (t) => {
  let accepted = 0;
  const curt = await listen(t, (socket) => {
    accepted += 1;
    socket.destroy();
  });
  const watched = await open(t, `redis://127.0.0.1:${portOf(curt)}`);
  await takeAt(limiterOf(watched.redis), { perSecond: 1_000, forMs: 2_500 });
  assert.ok(accepted >= 3 && accepted <= 8, `${accepted} connections`);
  assert.deepEqual(watched.told, ['offline']);
});

const busyWays: readonly {
  readonly when: string;
  readonly waited: () => Promise<unknown>;
  readonly ms: number;
}[] = [
  { when: 'before it could ask', waited: () => Promise.resolve(), ms: 250 },
  { when: 'before it could read the answer', waited: () => immediate(), ms: 110 },
];

for (const { when, waited, ms } of busyWays) {
  test(`our own waiting is no failure: a process that was busy ${when} blames nobody`, async (t) => {
    const { server } = await openServer(t);
    const { redis, told } = await open(t, server.url);
    for (let round = 0; round < 5; round += 1) {
      // From within a timer: then other timers come next, and sockets only after them.
      await pause(1);
      const answers = Array.from({ length: 20 }, () => redis.call(['PING']));
      const allAnswered = Promise.all(answers);
      await waited();
      const untilMs = performance.now() + ms;
      while (performance.now() < untilMs);
      assert.deepEqual(new Set(await allAnswered), new Set(['PONG']));
    }
    assert.deepEqual(told, ['ready']);
  });
}

test('DP5, R22: after a failover the replica is left for the server that now stands behind the address', async (t) => {
  const [old, fresh] = [await openServer(t), await openServer(t)];
  const { password } = new URL(old.server.url);
  await fresh.operator.configSet('requirepass', password);
  let leader = old.server.port;
  const address = await listen(t, (socket) => {
    const onwards = connect(leader, '127.0.0.1');
    socket.pipe(onwards).pipe(socket);
    socket.on('error', () => onwards.destroy());
    onwards.on('error', () => socket.destroy());
  });
  const watched = await open(t, `redis://default:${password}@127.0.0.1:${portOf(address)}`);
  const limiter = limiterOf(watched.redis);
  await limiter.take(subject);
  await old.operator.sendCommand(['REPLICAOF', '127.0.0.1', String(fresh.server.port)]);
  await limiter.take(subject);
  await watched.until('readonly');
  await holdsByShare(limiter);
  leader = fresh.server.port;
  await isBackInTime(watched);
  assert.notEqual(await fresh.operator.dbSize(), 0);
  assert.deepEqual(watched.told, ['ready', 'readonly', 'ready']);
});

test('DP6: a server without memory is left alone until it has some, and limits hold by share', async (t) => {
  const { server, operator } = await openServer(t);
  const watched = await open(t, server.url);
  const limiter = limiterOf(watched.redis);
  await limiter.take(subject);
  await operator.configSet({ maxmemory: '1', 'maxmemory-policy': 'noeviction' });
  await limiter.take(subject);
  await watched.until('oom');
  await holdsByShare(limiter);
  await triedAgain(operator, 3);
  await operator.configSet('maxmemory', '0');
  await isBackInTime(watched);
  assert.deepEqual(watched.told, ['ready', 'oom', 'ready']);
});

/** So many came to see whether it is well by now. */
async function triedAgain(operator: Operator, times: number): Promise<void> {
  const connections = async () =>
    Number(/total_connections_received:(\d+)/.exec(await operator.info('stats'))?.[1]);
  const before = await connections();
  while ((await connections()) < before + times) await pause(10);
}

const may = ['on', '>secret-word', '~millrace:*', '&millrace:*', '+@all'];

test('DP7, R8: a user who may not run scripts is told of by name, and never means limits of each replica for itself', async (t) => {
  const { server, operator } = await openServer(t);
  await operator.sendCommand(['ACL', 'SETUSER', 'gateway', ...may]);
  const url = `redis://gateway:secret-word@127.0.0.1:${server.port}`;
  for (const [denied, told] of [
    ['-evalsha', /evalsha/],
    ['-set', /may not do what is needed/],
    ['-publish', /may not do what is needed/],
    ['resetchannels', /may not do what is needed/],
  ] as const) {
    const watched = await open(t, url);
    assert.deepEqual(watched.told, ['ready'], 'its own keys and channels are all it needs');
    watched.redis.subscribe('millrace:channel:keys', createEar());
    await operator.sendCommand(['ACL', 'SETUSER', 'gateway', denied]);
    await operator.sendCommand(['CLIENT', 'KILL', 'USER', 'gateway']);
    await watched.until('forbidden');
    assert.match(watched.redis.state.ready ? '' : watched.redis.state.message, told);
    await holdsByShare(limiterOf(watched.redis));
    await operator.sendCommand(['ACL', 'SETUSER', 'gateway', '+@all', '&millrace:*']);
    await isBackInTime(watched);
    await watched.redis.close();
  }
});

test('DP7: a wrong password is trouble from the beginning, told once and without it, and over when it is right', async (t) => {
  const { server, operator } = await openServer(t);
  const watched = await open(t, `redis://gateway:secret-word@127.0.0.1:${server.port}`);
  await holdsByShare(limiterOf(watched.redis));
  await triedAgain(operator, 3);
  assert.deepEqual(watched.told, ['unauthenticated']);
  assert.doesNotMatch(JSON.stringify(watched.redis.state), /secret-word/);
  await operator.sendCommand(['ACL', 'SETUSER', 'gateway', ...may]);
  await isBackInTime(watched);
});

async function listen(t: TestContext, take: (socket: Socket) => void): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    take(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}
