import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedisTickets } from '../../src/stores/redis/tickets.ts';
import { ticketsConformance } from '../conformance/tickets.ts';
import { openRedisRig } from './redis-rig.ts';

const { server, operator, redis } = await openRedisRig();
const place = 'millrace:{tickets}:session:';

ticketsConformance({
  driver: 'redis',
  open: async (ticketsMax) => {
    await operator.flushAll();
    return createRedisTickets(redis, { kind: 'session', ticketsMax });
  },
  // What is kept gets older without anyone waiting.
  advance: async (ms) => {
    for (const key of await operator.keys(`${place}*`)) {
      await operator.pExpire(key, Math.max(0, (await operator.pTTL(key)) - ms));
    }
    for (const { value, score } of await operator.zRangeWithScores(`${place}order`, 0, -1)) {
      await operator.zAdd(`${place}order`, { value, score: score - ms });
    }
  },
});

test('DP8: what is no ticket of ours is none, and does not stay in the way', async () => {
  await operator.flushAll();
  const tickets = createRedisTickets(redis, { kind: 'session', ticketsMax: 10 });
  await operator.lPush(`${place}one`, 'of another kind');
  await operator.lPush(`${place}order`, 'of another kind');
  assert.deepEqual(await tickets.all(), []);
  assert.equal(await tickets.find('one', 1_000), undefined);
  await tickets.keep('one', 'a', 1_000);
  assert.equal(await tickets.take('one'), 'a');
});

test('DP1, G5: while Redis is away nobody can tell who is signed in, which is our outage', async () => {
  const tickets = createRedisTickets(redis, { kind: 'session', ticketsMax: 10 });
  server.kill();
  for (const asked of [
    tickets.find('one', 1_000),
    tickets.take('one'),
    tickets.keep('one', 'a', 1_000),
    tickets.all(),
  ]) {
    await assert.rejects(asked, { code: 'dependency_unavailable' });
  }
});
