import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Presence } from '../../src/core/ports.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createRedisPresence } from '../../src/stores/redis/presence.ts';
import { createEar, presenceConformance } from '../conformance/presence.ts';
import { createHeldClock } from '../held-clock.ts';
import { openOperator, openSharedServer, openWatched } from './redis-rig.ts';

const server = await openSharedServer();
const operator = await openOperator(server.url);
const [here, there] = await Promise.all([openWatched(server.url), openWatched(server.url)]);
after(async () => {
  await Promise.all([here.redis.close(), there.redis.close()]);
  operator.destroy();
});

const replicas = 'millrace:{presence}:replicas';
let replica = 0;

function open(at: typeof here = here, clock: Clock = createHeldClock()): Presence {
  replica += 1;
  return createRedisPresence({ redis: at.redis, clock, id: `replica-${replica}` });
}

presenceConformance({
  driver: 'redis',
  open: async () => {
    await operator.flushAll();
    return open();
  },
});

test('replicas count each other, and fewer only once that has lasted', async () => {
  await operator.flushAll();
  const clock = createHeldClock();
  const [one, two] = [open(here, clock), open(there)];
  await two.announce();
  await one.announce();
  assert.equal(one.count(), 2);
  await two.close();
  clock.advance(2_000);
  await one.announce();
  assert.equal(one.count(), 2, 'a server that came back empty must not make a share larger');
  for (let passed = 0; passed < 7; passed += 1) {
    clock.advance(2_000);
    await one.announce();
  }
  assert.equal(one.count(), 1);
  await one.close();
  assert.equal(await operator.zCard(replicas), 0);
});

test('who died is forgotten after its time, and who is from a future that was set back at once', async () => {
  await operator.flushAll();
  const nowMs = Date.now();
  await operator.zAdd(replicas, [
    { score: nowMs - 6_500, value: 'dead' },
    { score: nowMs - 3_000, value: 'alive' },
    { score: nowMs + 3_600_000, value: 'from the future' },
  ]);
  const presence = open();
  await presence.announce();
  assert.equal(presence.count(), 2);
  await presence.close();
  assert.deepEqual(await operator.zRange(replicas, 0, -1), ['alive']);
});

test('DP8: something else at our key is thrown away', async () => {
  await operator.flushAll();
  await operator.set(replicas, 'rubbish');
  const presence = open();
  await presence.announce();
  assert.equal(presence.count(), 1);
  assert.equal(await operator.zCard(replicas), 1);
  await presence.close();
});

test('a message reaches the other replica; what is too long for one is told as missed', async () => {
  const [one, two] = [open(here), open(there)];
  const ear = createEar();
  two.subscribe('keys', ear);
  while ((await operator.pubSubNumSub('millrace:channel:keys'))['millrace:channel:keys'] === 0);
  assert.equal(await one.publish('keys', 'revoked'), true);
  await ear.until(() => ear.heard.length === 1);
  await operator.publish('millrace:channel:keys', 'x'.repeat(64 * 1024 + 1));
  await ear.until(() => ear.gaps === 1);
  assert.deepEqual(ear.heard, ['revoked']);
  await Promise.all([one.close(), two.close()]);
  assert.deepEqual(await operator.pubSubChannels('millrace:*'), []);
});

test('DP1: after an outage, however long, fewer are believed in only once that has lasted', async () => {
  await operator.flushAll();
  const clock = createHeldClock();
  const [one, two] = [open(here, clock), open(there)];
  await two.announce();
  await one.announce();
  server.kill();
  await Promise.all([here.until('offline'), there.until('offline')]);
  clock.advance(60_000);
  await one.announce();
  await server.restart();
  await Promise.all([here.until('ready'), there.until('ready')]);
  clock.advance(2_000);
  await one.announce();
  assert.equal(await operator.zCard(replicas), 1, 'the other is yet to come back');
  assert.equal(one.count(), 2);
  for (let passed = 0; passed < 7; passed += 1) {
    clock.advance(2_000);
    await one.announce();
  }
  assert.equal(one.count(), 1);
  await Promise.all([one.close(), two.close()]);
});

test('DP1: the count stays while the server is away; who listened is told of the gap and hears again', async () => {
  await operator.flushAll();
  const [one, two] = [open(here), open(there)];
  const ear = createEar();
  one.subscribe('keys', ear);
  await two.announce();
  await one.announce();
  assert.equal(one.count(), 2);
  server.kill();
  await Promise.all([here.until('offline'), there.until('offline')]);
  assert.equal(await one.publish('keys', 'unheard'), false);
  await one.announce();
  assert.equal(one.count(), 2);
  await server.restart();
  await Promise.all([here.until('ready'), there.until('ready')]);
  await ear.until(() => ear.gaps === 1);
  assert.equal(await two.publish('keys', 'heard'), true);
  await ear.until(() => ear.heard.length === 1);
  assert.deepEqual(ear.heard, ['heard']);
  await Promise.all([one.close(), two.close()]);
});
