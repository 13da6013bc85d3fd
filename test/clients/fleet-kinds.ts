/** A gateway in front of one kind of upstream, and what that kind can do: the rows of the client tests. */
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import type { Clock } from '../../src/lib/clock.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';

/** True, or the field that is named when it is refused. */
export type Ability = true | { readonly refused: string };

export interface Kind {
  readonly name: string;
  readonly tools: Ability;
  readonly choices: Ability;
  readonly images: Ability;
  readonly suffix: Ability;
  readonly reasoning: boolean;
  /** A `tool_choice` beyond `auto`. */
  readonly forcedTools: Ability;
  /** So that a long answer is long enough to be left. */
  readonly slow: FleetOptions;
  open(options?: FleetOptions): Promise<Fleet>;
}

export interface FleetOptions {
  readonly behaviour?: Partial<Behaviour>;
  /** Added to the upstream's own settings. */
  readonly upstream?: Readonly<Record<string, unknown>>;
  /** Beside the upstream and its model. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly clock?: Clock;
}

export interface Fleet {
  readonly gateway: TestGateway;
  /** The server behind, where it is one that records. */
  readonly fake: FakeLlm | undefined;
  readonly openai: OpenAI;
  readonly ollama: Ollama;
  [Symbol.asyncDispose](): Promise<void>;
}

/** As clients ask for it; the server behind knows another name. */
export const model = 'assistant';

const slowFake: FleetOptions = { behaviour: { endless: true, tokensPerSecond: 200 } };

export const openaiFake: Kind = {
  name: 'a server that speaks OpenAI',
  tools: true,
  choices: true,
  images: true,
  suffix: true,
  reasoning: true,
  forcedTools: true,
  slow: slowFake,
  open: (options) => openBeforeFake('openai', options),
};

export const ollamaFake: Kind = {
  name: 'an Ollama server',
  tools: true,
  choices: { refused: 'n' },
  images: true,
  suffix: true,
  reasoning: true,
  forcedTools: { refused: 'tool_choice' },
  slow: slowFake,
  open: (options) => openBeforeFake('ollama', options),
};

export const simulator: Kind = {
  name: 'the simulator',
  tools: true,
  choices: true,
  images: true,
  suffix: true,
  reasoning: true,
  forcedTools: true,
  slow: { upstream: { tokensPerSecond: 100 } },
  open: (options) => {
    const upstream = { type: 'simulator', tokensPerSecond: 20_000, firstTokenMs: 1 };
    return openFleet({ upstream, target: 'simulator' }, options);
  },
};

export const embeddedKinds = [openaiFake, ollamaFake, simulator] as const;

async function openBeforeFake(type: 'openai' | 'ollama', options: FleetOptions = {}): Promise<Fleet> {
  const fake = await openFakeLlm(options.behaviour);
  return await openFleet({ upstream: { type, url: fake.url }, target: 'fake-model', fake }, options);
}

interface Behind {
  readonly upstream: Readonly<Record<string, unknown>>;
  readonly target: string;
  readonly fake?: FakeLlm;
  /** Clears away what was made for the upstream. */
  readonly close?: () => Promise<void>;
}

export async function openFleet(
  behind: Behind,
  { config, upstream, clock }: FleetOptions = {},
): Promise<Fleet> {
  const gateway = await openTestGateway({
    ...(clock === undefined ? {} : { clock }),
    config: {
      upstreams: { behind: { ...behind.upstream, ...upstream } },
      models: { [model]: { targets: [{ upstream: 'behind', model: behind.target }] } },
      defaultModel: model,
      ...config,
    },
  });
  return {
    gateway,
    fake: behind.fake,
    openai: new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key }),
    ollama: new Ollama({ host: `${gateway.url}/k/${gateway.key}` }),
    [Symbol.asyncDispose]: async () => {
      await gateway.close();
      await behind.fake?.close();
      await behind.close?.();
    },
  };
}

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of stream) all.push(item);
  return all;
}

/** Settles when the upstream has a request to work on. */
export async function begun({ gateway, fake }: Fleet): Promise<void> {
  if (fake !== undefined) return void (await fake.waitForRequest(isCall));
  const busy = /^millrace_upstream_in_flight\{[^}]*\} [1-9]/m;
  await until('the upstream is busy', async () =>
    busy.test(await (await fetch(`${gateway.url}/metrics`)).text()),
  );
}

/** Settles when an exchange has ended so, and what it occupied behind the gateway is free. */
export async function ended({ gateway, fake }: Fleet, outcome: string): Promise<void> {
  await until(`an exchange is ${outcome}`, () =>
    gateway.lines.some((line) => line.includes(`"outcome":"${outcome}"`)),
  );
  const left = outcome === 'aborted' ? (fake?.requests ?? []).filter(isCall) : [];
  for (const request of left) {
    await fake?.waitForClose(request);
    assert.equal(request.aborted, true);
  }
}

export const isCall = ({ method }: { readonly method: string }) => method === 'POST';

const waitMs = 10_000;

/** Asks again and again, and fails when it is still not so after a while. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + waitMs;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, `waited ${waitMs} ms until ${what}`);
    await setImmediate();
  }
}
