import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedisLeases } from '../../src/stores/redis/leases.ts';
import { leasesConformance } from '../conformance/leases.ts';
import { heldTime, openRedisRig, putTime } from './redis-rig.ts';

const { operator, redis } = await openRedisRig();
let opened = 0;

async function openService() {
  await operator.flushAll();
  let nowMs = 0;
  await putTime(operator, nowMs);
  return {
    replica: () => {
      opened += 1;
      return createRedisLeases({ redis, id: `replica-${opened}`, time: heldTime });
    },
    pass: async (ms: number) => {
      nowMs += ms;
      await putTime(operator, nowMs);
    },
    forget: async () => {
      await operator.flushAll();
      await putTime(operator, nowMs);
    },
  };
}

leasesConformance({ driver: 'redis', open: openService });

const claim = { upstream: 'server', slots: 2, held: 0, wanted: 2, heard: false };
const key = 'millrace:{slots}:server';

test('what lies at the key and is no row of ours is thrown away, and holds up nobody', async () => {
  const service = await openService();
  await operator.set(key, 'something else');
  assert.equal((await service.replica().renew([claim]))?.[0]?.slots, 2);
  await service.pass(10_000);
  await operator.hSet(key, { stranger: 'nonsense', other: '1 1 99999999999999999 0' });
  assert.equal((await service.replica().renew([claim]))?.[0]?.slots, 2);
});

test('P8: a clock of the server that is set back frees nothing early, and keeps nothing for ever', async () => {
  const service = await openService();
  const [before, after] = [service.replica(), service.replica()];
  await before.renew([claim]);
  await service.pass(-3_600_000);
  assert.equal((await after.renew([claim]))?.[0]?.slots, 0);
  await service.pass(10_000);
  assert.equal((await after.renew([claim]))?.[0]?.slots, 2);
});

test('many upstreams are asked for in parts, and answered in their order', async () => {
  const service = await openService();
  const replica = service.replica();
  const claims = Array.from({ length: 250 }, (_, at) => ({ ...claim, upstream: `u${at}`, slots: at + 1 }));
  const grants = await replica.renew(claims);
  assert.deepEqual(
    grants?.map(({ slots }) => slots),
    claims.map(({ slots }) => slots),
  );
  await replica.release(claims.map(({ upstream }) => upstream));
  assert.equal(await operator.exists('millrace:{slots}:u249'), 0);
});
