import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import type { RateLimiter } from '../../src/core/ports.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { Secret } from '../../src/lib/secret.ts';
import { openShared } from '../../src/stores/open-shared.ts';
import { type SharedStateOption, sharedStateOption } from '../../src/stores/shared-options.ts';
import type { SharedContext } from '../../src/stores/shared-state.ts';
import { user } from '../conformance/conversations.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { openFaultProxy } from '../upstream/fault-proxy.ts';
import { createTestSealers } from './redis-rig.ts';

const subject = { key: 'k', user: '', team: '', tenant: 't', address: 'a', route: '/', onLoopback: false };
const limit = { per: 'key', requests: { count: 1, perMs: 60_000 }, burst: 4 } as const;
const bounds = { ttlS: 60, bytesMax: 1e6, messagesMax: 10, conversationBytesMax: 1e5 };
const sealers = createTestSealers();

let replica = 0;

async function openServer(t: TestContext): Promise<RedisServer> {
  const server = await openRedisServer();
  t.after(() => server.stop());
  return server;
}

async function open(t: TestContext, option: SharedStateOption) {
  const troubles: string[] = [];
  const told = new EventEmitter();
  const context: SharedContext = {
    clock: systemClock,
    id: `replica-${++replica}`,
    onTrouble: (trouble) => {
      troubles.push(trouble?.message ?? 'well');
      told.emit('trouble');
    },
  };
  const until = async (last: string) => {
    while (troubles.at(-1) !== last) await once(told, 'trouble');
  };
  const shared = await openShared(option, context);
  t.after(() => shared.close());
  return { shared, troubles, until };
}

async function burst(limiter: RateLimiter): Promise<number> {
  const decisions = await Promise.all(Array.from({ length: 20 }, () => limiter.take(subject)));
  return decisions.filter(({ allowed }) => allowed).length;
}

const ada = { tenant: 't', user: 'ada' };

test('in memory each has its own, at once and without anything to wait for', async (t) => {
  const { shared, troubles } = await open(t, 'memory');
  const limiter = shared.rateLimiter([limit]);
  assert.ok(!(limiter.take(subject) instanceof Promise));
  assert.equal(await burst(limiter), 3);
  assert.ok(Array.isArray(shared.conversations(bounds, sealers).read(ada, 'one')));
  assert.deepEqual([shared.state.degraded, shared.presence.count(), troubles], [false, 1, []]);
});

test('over Redis replicas share limits and conversations, and count each other', async (t) => {
  const server = await openServer(t);
  const one = await open(t, sharedStateOption.parse(server.url));
  const two = await open(t, sharedStateOption.parse({ url: `${server.url}/0` }));
  const limiters = [one, two].map(({ shared }) => shared.rateLimiter([limit]));
  const passed = await Promise.all(limiters.map(burst));
  assert.equal((passed[0] ?? 0) + (passed[1] ?? 0), 4);
  await one.shared.conversations(bounds, sealers).append(ada, 'id', [user('hello')]);
  assert.deepEqual(await two.shared.conversations(bounds, sealers).read(ada, 'id'), [user('hello')]);
  assert.equal(two.shared.presence.count(), 2);
  assert.deepEqual([one.troubles, two.troubles, one.shared.state.degraded], [[], [], false]);
});

test('a second server has the conversations, and without it limits stay exact', async (t) => {
  const [first, second] = [await openServer(t), await openServer(t)];
  const option = { url: first.url, cacheUrl: second.url };
  const one = await open(t, sharedStateOption.parse(option));
  const two = await open(t, sharedStateOption.parse(option));
  await one.shared.conversations(bounds, sealers).append(ada, 'id', [user('hello')]);
  assert.deepEqual(await two.shared.conversations(bounds, sealers).read(ada, 'id'), [user('hello')]);
  const alone = await open(t, sharedStateOption.parse(first.url));
  assert.deepEqual(await alone.shared.conversations(bounds, sealers).read(ada, 'id'), []);
  second.kill();
  await assert.rejects(async () => await two.shared.conversations(bounds, sealers).read(ada, 'id'), {
    code: 'dependency_unavailable',
  });
  const passed = await Promise.all([one, two].map(({ shared }) => burst(shared.rateLimiter([limit]))));
  assert.equal((passed[0] ?? 0) + (passed[1] ?? 0), 4);
  assert.equal(two.shared.state.degraded, true);
  await second.restart();
  await two.until('well');
  assert.equal(two.shared.state.degraded, false);
});

test('DP16: without a server it opens all the same, goes by its own part, and has the server when it comes', async (t) => {
  const server = await openServer(t);
  server.kill();
  const { shared, troubles, until } = await open(t, sharedStateOption.parse(server.url));
  const limiter = shared.rateLimiter([limit]);
  assert.equal(shared.state.degraded, true);
  assert.equal(await burst(limiter), 4);
  assert.equal(troubles.length, 1);
  await server.restart();
  await until('well');
  assert.equal(shared.state.degraded, false);
  assert.equal(await burst(limiter), 0, 'what was taken meanwhile counts');
  assert.ok(!troubles.join().includes(new URL(server.url).password));
});

test('a server that is far is not away where it is given the time', async (t) => {
  const server = await openServer(t);
  const proxy = await openFaultProxy(server.port);
  t.after(() => proxy.close());
  proxy.behave({ latencyMs: 80 });
  const url = server.url.replace(String(server.port), String(proxy.port));
  const far = await open(t, sharedStateOption.parse({ url, timeoutMs: 2_000 }));
  for (let count = 0; count < 6; count += 1)
    assert.equal(await far.shared.presence.publish('far', 'a'), true);
  assert.deepEqual([far.troubles, far.shared.state.degraded], [[], false]);
});

test('an address that cannot be one is refused without being repeated', async (t) => {
  for (const url of ['redis://:pa%%ss@host', 'redis://:secret@host/x', 'http://:secret@host', 'redis://']) {
    await assert.rejects(
      open(t, { url: new Secret(url), timeoutMs: 100 }),
      (thrown) => thrown instanceof Error && !/secret|pa%%ss/.test(`${thrown.message} ${inspect(thrown)}`),
    );
  }
  for (const written of [
    'http://host',
    'postgres://host',
    '',
    { url: 'redis' },
    { cacheUrl: 'redis://a' },
    { url: 'redis://a', cacheUrl: 'b' },
  ]) {
    assert.equal(sharedStateOption.safeParse(written).success, false);
  }
});
