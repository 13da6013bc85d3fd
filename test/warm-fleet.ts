/** A gateway in front of Ollama servers whose memory is small: what the tests of warmth start from. */
import type { TestContext } from 'node:test';
import type { Clock } from '../src/lib/clock.ts';
import { until } from './faults/rig.ts';
import { openTestGateway, type TestGateway } from './gateway.ts';
import type { Behaviour } from './upstream/behaviour.ts';
import { type FakeLlm, openFakeLlm } from './upstream/fake-llm.ts';

export interface WarmFleet {
  readonly servers: readonly FakeLlm[];
  readonly gateway: TestGateway;
  /** The configuration with something added. */
  config(more?: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
  /** Settles when a whole answer has come; throws where it is none. */
  chat(model: string, path?: string, fields?: object): Promise<void>;
  /** A question whose client may leave. */
  begin(model: string, signal: AbortSignal): Promise<void>;
  /** What the servers hold, each its models. */
  residents(): readonly (readonly string[])[];
  loads(): readonly string[];
  /** Settles when every server has told what it holds. */
  told(): Promise<void>;
}

export interface WarmFleetOptions {
  readonly count: number;
  readonly behaviour?: Partial<Behaviour>;
  readonly clock?: Clock;
  readonly models?: readonly string[];
  readonly upstream?: Readonly<Record<string, unknown>>;
  readonly config?: Readonly<Record<string, unknown>>;
}

const usualPath = '/v1/chat/completions';

/** Servers `gpu-0`, `gpu-1`, …; every model is served by all of them. */
export async function openWarmFleet(t: TestContext, options: WarmFleetOptions): Promise<WarmFleet> {
  const { count, behaviour, clock, upstream, models = ['one', 'two'] } = options;
  const servers = await Promise.all(
    Array.from({ length: count }, () =>
      openFakeLlm({ models, residentMax: 8, unknownModel: 'refuse', ...behaviour }),
    ),
  );
  t.after(() => Promise.all(servers.map((server) => server.close())));
  const names = servers.map((_, index) => `gpu-${index}`);
  const config = (more: Readonly<Record<string, unknown>> = {}) => ({
    upstreams: Object.fromEntries(
      servers.map(({ url }, index) => [`gpu-${index}`, { type: 'ollama', url, ...upstream }]),
    ),
    models: Object.fromEntries(
      models.map((model) => [model, { targets: names.map((name) => ({ upstream: name, model })) }]),
    ),
    ...options.config,
    ...more,
  });
  const gateway = await openTestGateway({ config: config(), ...(clock === undefined ? {} : { clock }) });
  t.after(() => gateway.close());
  return {
    servers,
    gateway,
    config,
    chat: (model, path = usualPath, fields = {}) => chat(gateway, { path, fields: { model, ...fields } }),
    begin: (model, signal) => chat(gateway, { path: usualPath, fields: { model }, signal }),
    residents: () => servers.map(({ residents }) => residents),
    loads: () => servers.flatMap(({ loads }) => loads),
    told: () => told(gateway),
  };
}

interface Asked {
  readonly path: string;
  readonly fields: object;
  readonly signal?: AbortSignal;
}

async function chat({ url, key }: TestGateway, { path, fields, signal }: Asked): Promise<void> {
  const reply = await fetch(`${url}${path}`, {
    method: 'POST',
    ...(signal && { signal }),
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ stream: false, messages: [{ role: 'user', content: 'hi' }], ...fields }),
  });
  const text = await reply.text();
  if (reply.status !== 200) throw new Error(`${reply.status}: ${text}`);
}

function told({ gateway }: TestGateway): Promise<void> {
  const { residency } = gateway.lasting.warm;
  return until('every server has told', () =>
    gateway.snapshot.upstreams.every((one) => residency.isTold(one)),
  );
}
