/** Two Ollama servers and a simulator behind one gateway: the mixed fleet of the tests of Ollama's API. */
import { setTimeout } from 'node:timers/promises';
import { Ollama } from 'ollama';
import type { Role } from '../../src/core/exchange.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import type { HeldClock } from '../held-clock.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';

export interface OllamaFleet {
  readonly a: FakeLlm;
  readonly b: FakeLlm;
  readonly gateway: TestGateway;
  /** The official client, with the key in its headers. */
  readonly client: Ollama;
  request(method: string, path: string, more?: RequestMore): Promise<Response>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface RequestMore {
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | ReadableStream;
  readonly signal?: AbortSignal;
}

export interface FleetOptions {
  readonly role?: Role;
  readonly clock?: HeldClock;
  /** More of the configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** More of the models. */
  readonly models?: Readonly<Record<string, unknown>>;
  /** Added to both Ollama servers in the configuration. */
  readonly upstream?: Readonly<Record<string, unknown>>;
  readonly a?: Partial<Behaviour>;
  readonly b?: Partial<Behaviour>;
}

export const modelsOfA = ['llama:latest', 'shared:latest'];
export const modelsOfB = ['qwen:7b', 'shared:latest'];

export async function openOllamaFleet(options: FleetOptions = {}): Promise<OllamaFleet> {
  const a = await openFakeLlm({ models: modelsOfA, ...options.a });
  const b = await openFakeLlm({ models: modelsOfB, ...options.b });
  const gateway = await openTestGateway({
    ...(options.role === undefined ? {} : { role: options.role }),
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    config: {
      ...options.config,
      upstreams: {
        'gpu-a': { type: 'ollama', url: a.url, ...options.upstream },
        'gpu-b': { type: 'ollama', url: b.url, ...options.upstream },
        sim: { type: 'simulator' },
      },
      models: {
        assistant: { targets: [{ upstream: 'gpu-a', model: 'llama' }] },
        trial: { targets: [{ upstream: 'sim', model: 'simulator' }] },
        ...options.models,
      },
    },
  });
  await listed(gateway, ['llama:latest', 'qwen:7b', 'simulator'], options.clock);
  const authorization = `Bearer ${gateway.key}`;
  return {
    a,
    b,
    gateway,
    client: new Ollama({ host: gateway.url, headers: { authorization } }),
    request: (method, path, { json, headers, body, signal } = {}) =>
      fetch(`${gateway.url}${path}`, {
        method,
        headers: { authorization, ...headers },
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
        ...(body === undefined ? {} : { body, duplex: 'half' }),
        ...(signal === undefined ? {} : { signal }),
      }),
    [Symbol.asyncDispose]: async () => {
      await gateway.close();
      await a.close();
      await b.close();
    },
  };
}

/** Settles when the gateway has heard of all these models. */
async function listed(
  { gateway }: TestGateway,
  names: readonly string[],
  clock: HeldClock | undefined,
): Promise<void> {
  while (!names.every((name) => gateway.snapshot.models.names().includes(name))) {
    await setTimeout(2);
    // The simulator takes its time by the same clock.
    clock?.advance(1);
  }
}

export interface ProgressLine {
  readonly status?: string;
  readonly error?: string;
  readonly digest?: string;
  readonly total?: number;
  readonly completed?: number;
  readonly upstream?: { readonly name: string };
}

export const linesOf = async (response: Response): Promise<ProgressLine[]> =>
  (await response.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ProgressLine);

export const errorOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { error: string }).error;

/** Waits for the next request to this path. */
export const reached = (server: FakeLlm, path: string) =>
  server.waitForRequest((request) => request.path.startsWith(path));
