/** Two zones, each a group of processes (gateways and a server), with a slow line between them. Redis stands in the west. */
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { openPlace, type RunningProcess, serve } from '../cli/gateway-process.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { times } from '../soak.ts';
import { type FaultProxy, openFaultProxy } from '../upstream/fault-proxy.ts';
import { type LlmProcess, spawnLlm } from '../upstream/llm-process.ts';
import { until } from './rig.ts';

const lineMs = 40;
/** In the suite one, which takes fewer seconds: what crosses the line is the same. */
const gatewaysPerZone = times(1, 2);
export const llmArguments = ['--first-token-ms', '10'];

export interface Zone {
  readonly gateways: readonly RunningProcess[];
  readonly url: string;
  /** Each of the gateways in turn. */
  ask(as?: Caller): Promise<Response>;
}

const tenants = ['default', 'early', 'late'] as const;
const models = ['m', 'limited'] as const;

export interface Caller {
  readonly tenant?: (typeof tenants)[number];
  readonly model?: (typeof models)[number];
}

export interface Zones {
  readonly west: Zone;
  readonly east: Zone;
  readonly llms: Readonly<Record<'west' | 'east', LlmProcess>>;
  /** The east's way to Redis. */
  readonly toRedis: FaultProxy;
  readonly key: string;
}

type Closing = Pick<TestContext, 'after'>;

const keys = Object.fromEntries(
  tenants.map((tenant) => [tenant, `sk-mr-${randomBytes(20).toString('hex')}`]),
) as Readonly<Record<(typeof tenants)[number], string>>;

/** `spending` are limits and budgets. */
export async function openZones(t: Closing, spending: object): Promise<Zones> {
  const redis = await openRedisServer();
  t.after(() => redis.stop());
  const [llmWest, llmEast] = await Promise.all([
    spawnLlm(t, { args: llmArguments }),
    spawnLlm(t, { args: llmArguments }),
  ]);
  const [toWest, toEast] = await Promise.all([openLine(t, llmWest.port), openLine(t, llmEast.port)]);
  const toRedis = await openLine(t, redis.port);
  const throughLine = redis.url.replace(String(redis.port), String(toRedis.port));
  const [west, east] = await Promise.all([
    openZone(t, { name: 'west', near: llmWest.url, far: toEast.url, redis: redis.url, spending }),
    openZone(t, { name: 'east', near: llmEast.url, far: toWest.url, redis: throughLine, spending }),
  ]);
  for (const gateway of [...west.gateways, ...east.gateways]) {
    await until('they know of each other', async () => {
      const { replicas } = (await (await gateway.admin('status')).json()) as { replicas: number };
      return replicas === 2 * gatewaysPerZone;
    });
  }
  return { west, east, llms: { west: llmWest, east: llmEast }, toRedis, key: keys.default };
}

/** All that crosses from one zone to the other goes through it. */
async function openLine(t: Closing, port: number): Promise<FaultProxy> {
  const proxy = await openFaultProxy(port);
  t.after(() => proxy.close());
  proxy.behave({ latencyMs: lineMs });
  return proxy;
}

interface ZonePlan {
  readonly name: string;
  readonly near: string;
  readonly far: string;
  readonly redis: string;
  readonly spending: object;
}

async function openZone(t: Closing, plan: ZonePlan): Promise<Zone> {
  const gateways = await Promise.all(Array.from({ length: gatewaysPerZone }, () => openGateway(t, plan)));
  let asked = 0;
  const ask = async ({ tenant = 'default', model = 'm' }: Caller = {}) => {
    asked += 1;
    const reply = await fetch(
      `${gateways[asked % gateways.length]?.ready.clients ?? ''}/v1/chat/completions`,
      {
        method: 'POST',
        headers: {
          authorization: `Bearer ${keys[tenant]}`,
          'content-type': 'application/json',
          // As through a proxy on this machine: limits do not hold on loopback.
          'x-forwarded-for': '192.0.2.7',
        },
        body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] }),
      },
    );
    await reply.arrayBuffer();
    return reply;
  };
  return { gateways, url: gateways[0]?.ready.clients ?? '', ask };
}

async function openGateway(t: Closing, plan: ZonePlan): Promise<RunningProcess> {
  const { name, near, far, redis, spending } = plan;
  const place = await openPlace();
  const other = name === 'west' ? 'east' : 'west';
  const upstream = (url: string, zone: string) => ({ type: 'openai', url: `${url}/v1`, slots: 8, zone });
  const targets = ['far', 'near'].map((each) => ({ upstream: each, model: 'fake-model' }));
  await place.write(
    'millrace.yaml',
    JSON.stringify({
      // Longer than the line and a busy machine take together.
      shared: { url: redis, timeoutMs: 1_000 },
      keys: tenants.map((tenant) => ({ name: tenant, key: keys[tenant], tenant, role: 'developer' })),
      upstreams: { far: upstream(far, other), near: upstream(near, name) },
      models: Object.fromEntries(models.map((model) => [model, { targets }])),
      retries: { attempts: 3 },
      health: { everyMs: 200 },
      ...spending,
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
  return running;
}
