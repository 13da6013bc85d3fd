/** A gateway in front of a fake LLM that misbehaves: what the tests of the fault matrix start from. */
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { openTestGateway, type TestGateway, type TestGatewayOptions } from '../gateway.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { ask, openRawClient, type RawClient, type RawReply } from '../upstream/raw-client.ts';

export interface FaultRig {
  readonly llm: FakeLlm;
  readonly gateway: TestGateway;
  /** Sends a call and waits for the end of its reply. */
  ask(call: Call): Promise<RawReply>;
  /** Sends a call and leaves the connection to the test. */
  send(call: Call): RawClient;
  exchanges(): readonly ExchangeRow[];
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** Settles when nothing is in flight, nothing waits, and the upstreams are free. */
  quiet(): Promise<void>;
}

/** The line of a finished exchange, as far as these tests look at it. */
export interface ExchangeRow {
  readonly id: string;
  readonly route: string;
  readonly outcome: string;
  readonly upstream: string;
  readonly code?: string;
  readonly tookMs: number;
  /** When it ended, in milliseconds since 1970. */
  readonly time: number;
  /** A stream was gone on with elsewhere. */
  readonly carriedOn?: ReadonlyArray<{ readonly upstream: string }>;
  readonly attempts?: ReadonlyArray<{ readonly upstream: string; readonly code: string }>;
}

export type RouteName = keyof typeof routes;

export interface Call {
  readonly route: RouteName;
  readonly stream?: boolean;
  readonly model?: string;
  /** Replaces or adds fields of the body. */
  readonly body?: Readonly<Record<string, unknown>>;
}

const said = 'one two three';
const messages = [{ role: 'user', content: said }];

export const routes = {
  'openai.chat': { path: '/v1/chat/completions', body: { messages } },
  'openai.completions': { path: '/v1/completions', body: { prompt: said } },
  'openai.embeddings': { path: '/v1/embeddings', body: { input: said } },
  'ollama.chat': { path: '/api/chat', body: { messages } },
  'ollama.generate': { path: '/api/generate', body: { prompt: said } },
  'ollama.embed': { path: '/api/embed', body: { input: said } },
  'simple.generate': { path: '/generate', body: { prompt: said } },
  'simple.complete': { path: '/api/v1/complete', body: { query: said } },
  'simple.stream': { path: '/api/v1/stream', body: { query: said } },
  'simple.chat': { path: '/api/v1/chat', body: { message: said } },
} as const;

export interface FaultRigOptions extends Omit<TestGatewayOptions, 'config'> {
  readonly behaviour?: Partial<Behaviour>;
  readonly clocks?: Readonly<Record<string, number>>;
  /** Added to both upstreams. */
  readonly upstream?: Readonly<Record<string, unknown>>;
  readonly config?: Readonly<Record<string, unknown>>;
  /** Reached in place of the fake LLM: a proxy before it, or nothing at all. */
  readonly port?: (llm: FakeLlm) => Promise<number> | number;
}

/** Model `o` is served by the fake LLM through OpenAI's dialect, model `l` through Ollama's. */
export async function openFaultRig(t: TestContext, options: FaultRigOptions = {}): Promise<FaultRig> {
  const { behaviour, clocks, upstream, config, port, ...rest } = options;
  const llm = await openFakeLlm(behaviour);
  t.after(() => llm.close());
  const url = `http://127.0.0.1:${port === undefined ? llm.port : await port(llm)}`;
  const model = (name: string) => ({
    targets: [{ upstream: name, model: 'fake-model' }],
    clocks: clocks ?? {},
    // What becomes of a stream that breaks off is told of one server here; `carried-rig.ts` has several.
    carryOn: 'off',
  });
  const gateway = await openTestGateway({
    ...rest,
    config: {
      upstreams: {
        openai: { type: 'openai', url: `${url}/v1`, slots: 100, ...upstream },
        ollama: { type: 'ollama', url, slots: 100, ...upstream },
      },
      models: { o: model('openai'), l: model('ollama') },
      ...config,
    },
  });
  t.after(() => gateway.close());
  return rigOf(llm, gateway);
}

export function rigOf(llm: FakeLlm, gateway: TestGateway): FaultRig {
  const metric: FaultRig['metric'] = async (name, labels = {}) =>
    readMetric(await scrape(gateway), name, labels);
  return {
    llm,
    gateway,
    metric,
    ask: (call) => ask(gateway.port, pathOf(gateway, call), bodyOf(call)),
    send: (call) => {
      const client = openRawClient(gateway.port);
      client.send(pathOf(gateway, call), bodyOf(call));
      return client;
    },
    exchanges: () => gateway.exchangeLines.map((line) => JSON.parse(line) as ExchangeRow),
    quiet: () =>
      until('nothing is in flight', async () => {
        const text = await scrape(gateway);
        // The request that asks is in flight itself.
        const inFlight = readMetric(text, 'millrace_in_flight', {}) - 1;
        const queued = readMetric(text, 'millrace_queue_depth', {});
        return inFlight + queued + readMetric(text, 'millrace_upstream_in_flight', {}) === 0;
      }),
  };
}

/** The key stands in the path: the raw client sends no headers of its own. */
const pathOf = (gateway: TestGateway, { route }: Call): string => `/k/${gateway.key}${routes[route].path}`;

const bodyOf = ({ route, model = 'o', stream, body }: Call) => ({
  model,
  ...routes[route].body,
  ...(stream === undefined ? {} : { stream }),
  ...body,
});

async function scrape(gateway: TestGateway): Promise<string> {
  return (await ask(gateway.port, `/k/${gateway.key}/metrics`)).content.toString();
}

/** The sum over all series of that name which carry these labels. */
function readMetric(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .filter((line) => Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** Long, for a machine that is busy with other things: who waits for what comes does not wait for all of it. */
const untilMs = 20_000;

/** Asks again and again, for what no event tells. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const startedAt = performance.now();
  while (!(await isTrue())) {
    if (performance.now() - startedAt > untilMs) throw new Error(`waited ${untilMs} ms until ${what}`);
    await setTimeout(5);
  }
}
