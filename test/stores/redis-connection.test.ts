import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createServer, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createScript } from '../../src/stores/redis/script.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { createAuthority } from '../upstream/certificate.ts';
import { openOperator, openWatched, type Watched } from './redis-rig.ts';

async function openServer(t: TestContext): Promise<RedisServer> {
  const server = await openRedisServer();
  t.after(() => server.stop());
  return server;
}

async function open(t: TestContext, url: string): Promise<Watched> {
  const watched = await openWatched(url);
  t.after(() => watched.redis.close());
  return watched;
}

test('what is not one of its faults does not take the server away: an unknown command now and then, a wrong type', async (t) => {
  const server = await openServer(t);
  const { redis, told } = await open(t, server.url);
  await redis.call(['SET', 'text', 'rubbish']);
  for (let count = 0; count < 30; count += 1) {
    await assert.rejects(redis.call(['LPUSH', 'text', 'x']), { kind: 'wrongtype' });
  }
  await assert.rejects(redis.call(['NOSUCH']), { kind: 'refused' });
  await redis.call(['PING']);
  assert.deepEqual(told, ['ready']);
});

test('R6: five refusals in a row are one too many, whatever they are', async (t) => {
  const server = await openServer(t);
  const { redis, told, until } = await open(t, server.url);
  for (let count = 0; count < 5; count += 1)
    await assert.rejects(redis.call(['NOSUCH']), { kind: 'refused' });
  assert.equal(redis.state.ready, false);
  await until('ready');
  assert.deepEqual(told, ['ready', 'refused', 'ready']);
});

test('a script goes as its hash, as text where that is not known, and then as its hash again', async (t) => {
  const server = await openServer(t);
  const { redis } = await open(t, server.url);
  const operator = await openOperator(server.url);
  t.after(() => operator.destroy());
  const add = createScript('add', 'return tonumber(ARGV[1]) + tonumber(ARGV[2])');
  const calls = async (command: string) =>
    Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await operator.info('commandstats'))?.[1] ?? 0);
  await operator.configResetStat();
  for (let count = 0; count < 3; count += 1) assert.equal(await redis.run(add, [], ['1', '2']), 3);
  await operator.scriptFlush();
  assert.equal(await redis.run(add, [], ['3', '4']), 7);
  assert.deepEqual([await calls('eval'), await calls('evalsha')], [2, 4]);
});

test('beyond what may be under way at once it says so, which is no fault of the server’s', async (t) => {
  const server = await openServer(t);
  const { redis, told } = await open(t, server.url);
  server.pause();
  const waiting = Array.from({ length: 10_000 }, () => redis.call(['PING']));
  const settled = Promise.allSettled(waiting);
  await assert.rejects(redis.call(['PING']), { kind: 'overload' });
  assert.deepEqual(told, ['ready']);
  server.resume();
  await settled;
});

test('closed while the server hangs, it ends in a moment and refuses what comes after', async (t) => {
  const server = await openServer(t);
  const { redis } = await openWatched(server.url);
  server.pause();
  const fromMs = performance.now();
  const refused = assert.rejects(redis.call(['PING']));
  await redis.close();
  await refused;
  assert.ok(performance.now() - fromMs < 1_500);
  await assert.rejects(redis.call(['PING']), { kind: 'closed' });
});

test('the number behind the address is the database', async (t) => {
  const server = await openServer(t);
  const [first, third] = [await open(t, server.url), await open(t, `${server.url}/3`)];
  await third.redis.call(['SET', 'where', 'third']);
  assert.equal(await first.redis.call(['GET', 'where']), null);
  assert.equal(await third.redis.call(['GET', 'where']), 'third');
});

test('rediss: speaks to whom the machine trusts, and to nobody else', async (t) => {
  const server = await openServer(t);
  const authority = createAuthority();
  const front = createServer(authority.issue('none'), (socket) => {
    const onwards = connect(server.port, '127.0.0.1');
    socket.on('error', () => onwards.destroy()).on('close', () => onwards.destroy());
    onwards.on('error', () => socket.destroy());
    socket.pipe(onwards).pipe(socket);
  }).listen(0, '127.0.0.1');
  front.on('tlsClientError', () => {});
  t.after(() => front.close());
  await once(front, 'listening');
  const place = front.address();
  assert.ok(typeof place === 'object' && place !== null);
  const url = server.url.replace('redis:', 'rediss:').replace(`:${server.port}`, `:${place.port}`);
  const stranger = await open(t, url);
  assert.deepEqual(stranger.told, ['offline']);
  assert.match(stranger.redis.state.ready ? '' : stranger.redis.state.message, /certificate/);
  const trusted = getCACertificates('default');
  t.after(() => setDefaultCACertificates(trusted));
  setDefaultCACertificates([...trusted, authority.cert]);
  const { redis, told } = await open(t, url);
  assert.deepEqual(told, ['ready']);
  assert.equal(await redis.call(['PING']), 'PONG');
});
