/** A gateway in front of a server that answers when the test lets it, and clients that send the same. */
import type { TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { until } from './faults/rig.ts';
import { openTestGateway, type TestGateway } from './gateway.ts';
import { type GatedLlm, openGatedLlm } from './upstream/gated-llm.ts';

/** Of two tenants, one of which has two users. */
export const keys = {
  ann: { key: 'sk-mr-76543210fedcba9876543210fedcba9876543210', tenant: 'red', user: 'ann' },
  bob: { key: 'sk-mr-fedcba9876543210fedcba9876543210fedcba98', tenant: 'red', user: 'bob' },
  eve: { key: 'sk-mr-0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c', tenant: 'blue', user: 'eve' },
} as const;

export interface Asked {
  readonly by?: keyof typeof keys;
  readonly path?: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Its client leaves. */
  readonly signal?: AbortSignal;
  /** Something has come. */
  readonly onHead?: () => void;
}

export interface Told {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** The line of an exchange, as far as these tests look at it. */
export interface Line {
  readonly id: string;
  readonly outcome: string;
  readonly code?: string;
  readonly tenant: string;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly costNanoUsd?: number;
  readonly savedNanoUsd?: number;
  readonly savedBy?: string;
  readonly sharedFrom?: string;
  readonly sharedWith?: number;
  readonly bytesOut: number;
}

export interface SharingRig {
  readonly llm: GatedLlm;
  readonly gateway: TestGateway;
  ask(asked?: Asked): Promise<Told>;
  /** So many are there, and have been read. */
  arrived(count: number): Promise<void>;
  lines(): readonly Line[];
}

const messages = [{ role: 'user', content: 'hi' }];

export async function openSharingRig(
  t: TestContext,
  config: Readonly<Record<string, unknown>> = {},
): Promise<SharingRig> {
  const llm = await openGatedLlm(t);
  const { upstream = {}, ...rest } = config;
  const gateway = await openTestGateway({
    config: {
      keys: Object.entries(keys).map(([name, facts]) => ({ name, ...facts })),
      upstreams: { llm: { type: 'openai', url: llm.url, slots: 8, ...(upstream as object) } },
      models: { m: { targets: [{ upstream: 'llm', model: 'gated' }], carryOn: 'off' } },
      prices: { m: { inputPerM: 1_000, outputPerM: 2_000 } },
      retries: { attempts: 1 },
      ...rest,
    },
  });
  t.after(() => gateway.close());
  t.after(() => llm.open());
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  t.after(() => agent.destroy());
  return {
    llm,
    gateway,
    ask: async ({ by = 'ann', path = '/v1/chat/completions', body, headers, signal, onHead } = {}) => {
      const reply = await request(`${gateway.url}${path}`, {
        method: 'POST',
        dispatcher: agent,
        headers: {
          authorization: `Bearer ${keys[by].key}`,
          'content-type': 'application/json',
          ...headers,
        },
        ...(signal === undefined ? {} : { signal }),
        body: JSON.stringify({ model: 'm', temperature: 0, messages, ...body }),
      });
      onHead?.();
      return { status: reply.statusCode, headers: reply.headers, text: await reply.body.text() };
    },
    arrived: async (count) => {
      await until(`${count} are there`, () => gateway.gateway.listener.inFlight === count);
      await setImmediate();
      await setImmediate();
    },
    lines: () => gateway.exchangeLines.map((line) => JSON.parse(line) as Line),
  };
}
