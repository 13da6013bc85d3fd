/** Asks what stands at the usual ports of model servers. A server is known by what it answers, never by its port. */
import { z } from 'zod';
import { asFailure, type Failure } from '../core/failure.ts';
import type { Transport } from '../core/transport.ts';
import { type AskOptions, ask, type Told } from '../fleet/ask.ts';
import type { Clock } from '../lib/clock.ts';
import { modelName } from '../lib/options.ts';
import { parseUpstreamUrl } from '../net/upstream-url.ts';

/** Where to look, and what is looked for there. */
export interface Place {
  readonly name: string;
  readonly url: string;
  readonly api: 'ollama' | 'openai';
}

export const usualPlaces: readonly Place[] = [
  { name: 'llama.cpp', url: 'http://127.0.0.1:8080', api: 'openai' },
  { name: 'vLLM', url: 'http://127.0.0.1:8000', api: 'openai' },
  { name: 'LM Studio', url: 'http://127.0.0.1:1234', api: 'openai' },
];

export interface LocalServer {
  readonly name: string;
  /** As one would write it in the configuration. */
  readonly upstream: Readonly<Record<string, unknown>>;
  readonly models: readonly string[];
}

export type Probe =
  | { readonly found: true; readonly server: LocalServer }
  | { readonly found: false; readonly why: string };

const probeMs = 300;
const answerBytesMax = 1024 * 1024;
const modelsMax = 1_000;

/** Answers within 300 ms whatever stands there; a port that nobody listens on answers at once. */
export async function probe(place: Place, clock: Clock): Promise<Probe> {
  const parsed = parseUpstreamUrl(place.url);
  if (!parsed.ok) return { found: false, why: `its address ${parsed.reason}` };
  const { origin, pathname } = new URL(parsed.url);
  // Most who read a configuration look for nobody.
  const { createHttpTransport } = await import('../net/http-transport.ts');
  const transport = createHttpTransport({
    origin,
    basePath: pathname.replace(/\/+$/, ''),
    headers: [],
    connections: 2,
    idleMax: 2,
    connectMs: probeMs,
    keepAliveMs: 1_000,
  });
  const deadline = clock.now() + probeMs;
  const get = (path: string) => getJson(transport, path, untilThen(clock, deadline));
  try {
    return place.api === 'ollama' ? await askOllama(parsed.url, get) : await askOpenai(parsed.url, get);
  } catch (thrown) {
    return { found: false, why: reasonOf(asFailure(thrown)) };
  } finally {
    // Nobody waits for a connection that is still being refused or kept.
    void transport.close();
  }
}

/** Models that make vectors answer no questions: none of them may become the default. */
export function isForChat(model: string): boolean {
  return !/embed|bge-|minilm|rerank|(?:^|[/-])[eg]5-|gte-|clip|whisper/i.test(model);
}

interface Answer {
  readonly status: number;
  readonly value: unknown;
}

type Get = (path: string) => Promise<Answer>;

const ollamaVersion = z.object({ version: z.string().max(100) });
const ollamaTags = z.object({ models: z.array(z.object({ name: z.string() })) });
const openaiModels = z.object({
  data: z.array(z.object({ id: z.string(), owned_by: z.string().optional() })),
});
const llamacppProps = z.object({ total_slots: z.int().min(1).max(65_536) });
const llamacppLoading = z.object({ error: z.object({ message: z.literal('Loading model') }) });

async function askOllama(url: string, get: Get): Promise<Probe> {
  const [version, tags] = await Promise.all([get('/api/version'), get('/api/tags')]);
  if (!ollamaVersion.safeParse(version.value).success)
    return { found: false, why: 'what answers there is not Ollama' };
  const list = ollamaTags.safeParse(tags.value);
  const models = list.success ? list.data.models.map((model) => model.name) : [];
  return found('ollama', { upstream: { type: 'ollama', url }, models });
}

/** Who signs the list of models, as each server writes it. */
const signatures: Readonly<Record<string, string>> = {
  llamacpp: 'llama.cpp',
  vllm: 'vllm',
  organization_owner: 'lm-studio',
  sglang: 'sglang',
};

async function askOpenai(url: string, get: Get): Promise<Probe> {
  const { status, value } = await get('/v1/models');
  if (status === 503 && llamacppLoading.safeParse(value).success) return await foundLlamacpp(url, [], get);
  if (status === 401 || status === 403) {
    return { found: false, why: 'the server there asks for a key: name it under `upstreams:` with `key:`' };
  }
  const list = openaiModels.safeParse(value);
  if (status !== 200 || !list.success)
    return { found: false, why: 'what answers there is not a model server' };
  const [first] = list.data.data;
  if (first === undefined) return { found: false, why: 'the server there lists no model' };
  const models = list.data.data.map((model) => model.id);
  const owner = first.owned_by ?? '';
  if (owner === 'millrace')
    return { found: false, why: 'what answers there is a Millrace: we would go in circles' };
  const name = Object.hasOwn(signatures, owner) ? signatures[owner] : undefined;
  if (name === 'llama.cpp') return await foundLlamacpp(url, models, get);
  if (name !== undefined) return found(name, { upstream: { type: 'openai', url: `${url}/v1` }, models });
  // It may be a gateway to something that costs money: only its owner knows.
  return {
    found: false,
    why: "a server that we do not know speaks OpenAI's API there: name it under `upstreams:`",
  };
}

/** llama.cpp queues what its slots do not take, out of our sight: we ask how many it has. */
async function foundLlamacpp(url: string, models: readonly string[], get: Get): Promise<Probe> {
  const upstream = { type: 'openai', url: `${url}/v1` };
  const props = llamacppProps.safeParse((await get('/props').catch(() => undefined))?.value);
  return found('llama.cpp', {
    upstream: props.success ? { ...upstream, slots: props.data.total_slots } : { ...upstream, slots: 1 },
    models,
  });
}

function found(name: string, server: Omit<LocalServer, 'name'>): Probe {
  const models = server.models.filter((model) => modelName.safeParse(model).success).slice(0, modelsMax);
  return { found: true, server: { name, ...server, models } };
}

async function getJson(transport: Transport, path: string, options: AskOptions): Promise<Answer> {
  const told = await ask(transport, { method: 'GET', path, headers: [] }, options);
  return { status: told.status, value: jsonOf(told) };
}

function jsonOf(told: Told): unknown {
  try {
    return JSON.parse(told.body.toString('utf8'));
  } catch {
    // A web page, perhaps: whatever it is, it is no model server, and the caller says so.
    return undefined;
  }
}

function untilThen(clock: Clock, deadline: number): AskOptions {
  return { clock, timeoutMs: Math.max(1, deadline - clock.now()), bytesMax: answerBytesMax };
}

function reasonOf(failure: Failure): string {
  const { cause } = failure;
  const refused = cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED';
  if (refused) return 'nothing listens there';
  return failure.code === 'total_timeout' || failure.code === 'connect_timeout'
    ? `no answer within ${probeMs} ms`
    : failure.message;
}
