import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { isListening, until } from './listening.ts';
import { openRedisServer, type RedisServer } from './redis-server.ts';

let redis: RedisServer;
before(async () => {
  redis = await openRedisServer();
});
after(() => redis.stop());

test('a Redis answers PING', async () => {
  assert.equal(await say(redis, 'PING'), '+PONG\r\n');
});

test('two Redis servers at once are two', async () => {
  const other = await openRedisServer();
  assert.notEqual(other.port, redis.port);
  await say(redis, 'SET whose mine');
  assert.equal(await say(other, 'GET whose'), '$-1\r\n');
  await other.stop();
  // The last of a killed process's threads may be a moment behind the first.
  await until(async () => !(await isListening(other.port)));
});

test('a Redis takes further arguments', async () => {
  const small = await openRedisServer({ config: ['--maxmemory', '7mb'] });
  assert.match(await say(small, 'CONFIG GET maxmemory'), /7340032/);
  await small.stop();
});

test('a Redis that does not come up is told with its log, and leaves nothing', async () => {
  await assert.rejects(
    openRedisServer({ config: ['--no-such-setting', '1'] }),
    /ended while starting.*Bad directive/s,
  );
});

test('a killed Redis closes its connections, and comes back empty on the same port', async () => {
  await say(redis, 'SET kept no');
  const { pid, port } = redis;
  const held = await connected(redis);
  const closed = once(held, 'close');
  redis.kill();
  await closed;
  await until(async () => !(await isListening(port)));
  await redis.restart();
  assert.equal(redis.port, port);
  assert.notEqual(redis.pid, pid);
  assert.equal(await say(redis, 'GET kept'), '$-1\r\n');
});

test('a Redis that runs is restarted on the same port', async () => {
  const { pid } = redis;
  await redis.restart();
  assert.notEqual(redis.pid, pid);
  assert.equal(await say(redis, 'PING'), '+PONG\r\n');
});

test('a paused Redis keeps its connections and answers nothing until it resumes', async () => {
  const held = await connected(redis);
  redis.pause();
  held.write('PING\r\n');
  const answered = once(held, 'data').then(([bytes]) => String(bytes));
  // It is stopped, not slow: what it would answer at once is still not there.
  assert.equal(await Promise.race([answered, wait(100, 'silence')]), 'silence');
  redis.resume();
  assert.equal(await answered, '+PONG\r\n');
  held.destroy();
});

test('a paused Redis can be stopped', async () => {
  const other = await openRedisServer();
  other.pause();
  await other.stop();
  // The last of a killed process's threads may be a moment behind the first.
  await until(async () => !(await isListening(other.port)));
});

async function connected(server: RedisServer): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1');
  // A killed server resets its connections: that is what is asked for.
  socket.on('error', () => undefined);
  socket.write(`AUTH ${new URL(server.url).password}\r\n`);
  assert.equal(String((await once(socket, 'data'))[0]), '+OK\r\n');
  return socket;
}

async function say(server: RedisServer, command: string): Promise<string> {
  const socket = await connected(server);
  socket.write(`${command}\r\n`);
  const [answer] = await once(socket, 'data');
  socket.destroy();
  return String(answer);
}
