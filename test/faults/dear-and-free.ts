/** Two models, of which one costs money; who asks for them, and what of it the ledger has in the end. */
import assert from 'node:assert/strict';
import { Client } from 'pg';
import type { TestGateway } from '../gateway.ts';
import type { GatedLlm } from '../upstream/gated-llm.ts';
import { until } from './rig.ts';

/** Of an answer, which has three tokens. */
const answerNanoUsd = 3 * 10_000;

export const dearAndFree = (llm: GatedLlm) => ({
  upstreams: {
    dear: { type: 'openai', url: llm.url, slots: 64 },
    free: { type: 'simulator', tokensPerSecond: 100_000, firstTokenMs: 1, slots: 64 },
  },
  models: {
    dear: { targets: [{ upstream: 'dear', model: 'gated' }] },
    free: { targets: [{ upstream: 'free', model: 'simulator' }] },
  },
  prices: { dear: { inputPerM: 0, outputPerM: 10 } },
});

interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Keeps in mind which of those that cost money were answered. */
export function openAsker() {
  const answered: string[] = [];
  const ask = async ({ url, key }: TestGateway, model: 'dear' | 'free'): Promise<Asked> => {
    const reply = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model, max_tokens: 4, messages: [{ role: 'user', content: 'hi' }] }),
    });
    const { status, headers } = reply;
    if (model === 'dear' && status === 200) answered.push(headers.get('x-millrace-id') ?? '');
    return { status, headers, text: await reply.text() };
  };
  return {
    answered,
    ask,
    statusOf: async (gateway: TestGateway, model: 'dear' | 'free') => (await ask(gateway, model)).status,
    /** Some that wait for their answers. */
    begin: async (gateway: TestGateway, llm: GatedLlm): Promise<readonly Promise<Asked>[]> => {
      const { asked } = llm;
      llm.shut();
      const goingOn = Array.from({ length: 3 }, () => ask(gateway, 'dear'));
      await until('they are under way', () => llm.asked === asked + goingOn.length);
      return goingOn;
    },
  };
}

export async function assertAnswered(goingOn: readonly Promise<Asked>[]): Promise<void> {
  for (const { status } of await Promise.all(goingOn))
    assert.equal(status, 200, 'what was let in is answered');
}

interface Row {
  readonly id: string;
  readonly outcome: string;
  readonly cost: string;
}

/** What was answered stands in the ledger once, at its price, and nothing else that was sent. */
export async function assertAccounted(
  store: string,
  answered: readonly string[],
  llm: GatedLlm,
): Promise<void> {
  const rows = await rowsIn(store, answered.length);
  assert.deepEqual(rows.map(({ id }) => id).sort(), answered.toSorted(), 'each once, and no other');
  assert.equal(rows.length, llm.asked);
  const ends = new Set(rows.map(({ outcome, cost }) => `${outcome} ${cost}`));
  assert.deepEqual([...ends], [`complete ${answerNanoUsd}`]);
}

/** What the ledger has of what was sent, once it has so many of them. */
async function rowsIn(store: string, count: number): Promise<readonly Row[]> {
  const client = new Client({ connectionString: store });
  await client.connect();
  let rows: readonly Row[] = [];
  try {
    await until('all are in the ledger', async () => {
      const sql = `select id, outcome, cost_nano_usd as cost from ledger where model = 'dear' and upstream <> ''`;
      ({ rows } = await client.query<Row>(sql));
      return rows.length >= count;
    });
  } finally {
    await client.end();
  }
  return rows;
}
