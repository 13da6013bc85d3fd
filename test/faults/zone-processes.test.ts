// Two zones, each a group of processes, a gateway and a server, with a slow line between them (mission 44).
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { openPlace, serve } from '../cli/gateway-process.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { openFaultProxy } from '../upstream/fault-proxy.ts';
import { type LlmProcess, spawnLlm } from '../upstream/llm-process.ts';
import { until } from './rig.ts';
import { type Load, load } from './shared-slots-rig.ts';

const lineMs = 40;
const key = `sk-mr-${randomBytes(20).toString('hex')}`;
const args = ['--first-token-ms', '10'];

/** All that crosses from one zone to the other goes through it. */
async function openLine(t: TestContext, port: number) {
  const proxy = await openFaultProxy(port);
  t.after(() => proxy.close());
  proxy.behave({ latencyMs: lineMs });
  return proxy;
}

interface Zone {
  readonly url: string;
  readonly key: string;
  ask(): Promise<Response>;
}

interface ZonePlan {
  readonly name: string;
  readonly near: string;
  readonly far: string;
  readonly redis: string;
}

async function openZone(t: TestContext, { name, near, far, redis }: ZonePlan): Promise<Zone> {
  const place = await openPlace();
  const other = name === 'west' ? 'east' : 'west';
  const upstream = (url: string, zone: string) => ({ type: 'openai', url: `${url}/v1`, slots: 8, zone });
  await place.write(
    'millrace.yaml',
    JSON.stringify({
      shared: redis,
      keys: [{ name: 'both', key, tenant: 'default', role: 'developer' }],
      upstreams: { far: upstream(far, other), near: upstream(near, name) },
      models: { m: { targets: ['far', 'near'].map((each) => ({ upstream: each, model: 'fake-model' })) } },
      retries: { attempts: 3 },
      health: { everyMs: 200 },
    }),
  );
  const running = await serve(['--config', 'millrace.yaml'], {
    place,
    environment: { MILLRACE__ZONE: name },
  });
  t.after(async () => {
    await running.stop('SIGKILL');
    await place[Symbol.asyncDispose]();
  });
  const ask = async () => {
    const reply = await fetch(`${running.ready.clients}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
    });
    await reply.arrayBuffer();
    return reply;
  };
  return { url: running.ready.clients, key, ask };
}

const askedOf = async (zone: Zone) => (await zone.ask()).headers.get('x-millrace-target')?.split('/')[0];

async function more(of: Load, count: number): Promise<void> {
  const before = of.codes.length;
  await until(`${count} more answers`, () => of.codes.length >= before + count);
}

test('two zones of processes: each asks its own server, the other’s within seconds when it is killed, its own again, and a zone cut off from Redis goes on', async (t) => {
  const redis = await openRedisServer();
  t.after(() => redis.stop());
  const llms: Readonly<Record<'west' | 'east', LlmProcess>> = {
    west: await spawnLlm(t, { args }),
    east: await spawnLlm(t, { args }),
  };
  const [toWest, toEast] = [await openLine(t, llms.west.port), await openLine(t, llms.east.port)];
  // Redis stands in the west.
  const toRedis = await openLine(t, redis.port);
  const west = await openZone(t, { name: 'west', near: llms.west.url, far: toEast.url, redis: redis.url });
  const throughLine = redis.url.replace(String(redis.port), String(toRedis.port));
  const east = await openZone(t, { name: 'east', near: llms.east.url, far: toWest.url, redis: throughLine });
  const loads = [load(() => west, 3), load(() => east, 3)] as const;
  await Promise.all(loads.map((each) => more(each, 20)));
  assert.deepEqual([await askedOf(west), await askedOf(east)], ['near', 'near']);

  llms.west.child.kill('SIGKILL');
  const killedMs = performance.now();
  await until('the other zone serves it', async () => (await askedOf(west)) === 'far');
  t.diagnostic(`served from the other zone ${Math.round(performance.now() - killedMs)} ms after the kill`);
  await Promise.all(loads.map((each) => more(each, 20)));
  assert.equal(await askedOf(east), 'near');

  await spawnLlm(t, { port: llms.west.port, args });
  const backMs = performance.now();
  await until('its own zone serves it again', async () => (await askedOf(west)) === 'near');
  t.diagnostic(`served from its own zone ${Math.round(performance.now() - backMs)} ms after its return`);

  const degraded = async (zone: Zone) => (await zone.ask()).headers.get('x-millrace-degraded');
  toRedis.freeze();
  await until('it says so', async () => (await degraded(east)) !== null);
  await Promise.all(loads.map((each) => more(each, 20)));
  assert.equal(await degraded(west), null);
  toRedis.thaw();
  await until('it is joined again', async () => (await degraded(east)) === null);
  await Promise.all(loads.map((each) => each.stop()));
  assert.deepEqual(
    loads.flatMap(({ codes }) => codes.filter((code) => code !== 200)),
    [],
  );
});
