// Two zones, each with a gateway and a server of its own, and a slow line between them (mission 44).
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { openCountingLlm } from '../upstream/counting-llm.ts';
import { openFaultProxy } from '../upstream/fault-proxy.ts';
import { until } from './rig.ts';
import { type Load, load } from './shared-slots-rig.ts';

const lineMs = 40;

async function openZones(t: TestContext) {
  const redis = await openRedisServer();
  t.after(() => redis.stop());
  const servers = { west: await openCountingLlm(t), east: await openCountingLlm(t) };
  /** From one zone to what is in the other. */
  const line = async (port: number) => {
    const proxy = await openFaultProxy(port);
    t.after(() => proxy.close());
    proxy.behave({ latencyMs: lineMs });
    return proxy;
  };
  // Redis stands in the west.
  const toRedis = await line(redis.port);
  const open = async (zone: 'west' | 'east', shared: string): Promise<TestGateway> => {
    const far = zone === 'west' ? 'east' : 'west';
    const way = await line(servers[far].port);
    const upstream = (port: number, of: string) => ({
      type: 'openai',
      url: `http://127.0.0.1:${port}/v1`,
      slots: 8,
      zone: of,
    });
    const gateway = await openTestGateway({
      config: {
        zone,
        shared,
        upstreams: { near: upstream(servers[zone].port, zone), far: upstream(way.port, far) },
        models: {
          m: {
            targets: [
              { upstream: 'far', model: 'counted' },
              { upstream: 'near', model: 'counted' },
            ],
          },
        },
        retries: { attempts: 3 },
        health: { everyMs: 200 },
      },
    });
    t.after(() => gateway.close());
    return gateway;
  };
  const west = await open('west', redis.url);
  const east = await open('east', redis.url.replace(String(redis.port), String(toRedis.port)));
  return { servers, toRedis, west, east };
}

async function more(of: Load, count: number): Promise<void> {
  const before = of.codes.length;
  await until(`${count} more answers`, () => of.codes.length >= before + count);
}

test('nearest first: each zone asks its own servers, the other’s when they die, and its own again when they are back', async (t) => {
  const { servers, west, east } = await openZones(t);
  const loads = { west: load(() => west, 3), east: load(() => east, 3) };
  await Promise.all([more(loads.west, 20), more(loads.east, 20)]);
  const farOf = (gateway: TestGateway) =>
    gateway.exchangeLines.filter((each) => (JSON.parse(each) as { upstream: string }).upstream === 'far')
      .length;
  assert.deepEqual([farOf(west), farOf(east)], [0, 0]);
  await servers.west.shut();
  const diedMs = performance.now();
  await until('the other zone serves it', () => farOf(west) > 0);
  t.diagnostic(`the other zone served ${Math.round(performance.now() - diedMs)} ms after the server died`);
  await more(loads.west, 20);
  assert.equal(farOf(east), 0);
  const before = servers.west.served;
  await servers.west.open();
  await until('its own zone serves it again', () => servers.west.served > before + 10);
  await Promise.all([loads.west.stop(), loads.east.stop()]);
  for (const each of [loads.west, loads.east]) {
    assert.deepEqual(
      each.codes.filter((code) => code !== 200),
      [],
    );
  }
});

test('a zone that is cut off from Redis goes on, says so, and is joined again', async (t) => {
  const { toRedis, west, east } = await openZones(t);
  const loads = { west: load(() => west, 3), east: load(() => east, 3) };
  await Promise.all([more(loads.west, 20), more(loads.east, 20)]);
  toRedis.freeze();
  await until('it is told', () => east.gateway.lasting.degraded() === 'shared');
  await Promise.all([more(loads.west, 20), more(loads.east, 20)]);
  assert.equal(west.gateway.lasting.degraded(), '');
  toRedis.thaw();
  await until('it is joined again', () => east.gateway.lasting.degraded() === '');
  await until('they know of each other', () => west.gateway.lasting.shared.presence.count() === 2);
  await Promise.all([more(loads.west, 20), more(loads.east, 20)]);
  await Promise.all([loads.west.stop(), loads.east.stop()]);
  for (const each of [loads.west, loads.east]) {
    assert.deepEqual(
      each.codes.filter((code) => code !== 200),
      [],
    );
  }
});
