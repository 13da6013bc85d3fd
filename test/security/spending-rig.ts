/** Gateways in front of a fake LLM whose tokens cost something, with budgets; and what was spent there. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { BudgetStanding } from '../../src/core/budget.ts';
import type { LedgerRow } from '../../src/core/ledger.ts';
import { until } from '../faults/rig.ts';
import type { TestGateway } from '../gateway.ts';

/** A token of an answer, in billionths of a dollar; those of a prompt are free unless a test says otherwise. */
export const tokenNanoUsd = 10_000;
export const prices = { gpu: { inputPerM: 0, outputPerM: 10 } };

/** What so many tokens cost, as a budget is written. */
export const usdFor = (tokens: number): number => (tokens * tokenNanoUsd) / 1e9;

export function spendingConfig(port: number, more: object = {}): Readonly<Record<string, unknown>> {
  return {
    upstreams: { gpu: { type: 'openai', url: `http://127.0.0.1:${port}/v1`, slots: 400 } },
    models: { m: { targets: [{ upstream: 'gpu', model: 'fake-model' }] } },
    prices,
    limits: [],
    ...more,
  };
}

export interface Asked {
  readonly path?: string;
  readonly stream?: boolean;
  readonly signal?: AbortSignal;
  readonly fields?: object;
}

export function chat(gateway: TestGateway, asked: Asked = {}): Promise<Response> {
  const { path = '/v1/chat/completions', stream = false, signal, fields } = asked;
  return fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], stream, ...fields }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** The texts of a stream of OpenAI's, and the error it ended with, if it did. */
export async function readStream(reply: Response) {
  const events = (await reply.text()).split('\n\n').filter((event) => event.startsWith('data: '));
  const data = events.map((event) => event.slice('data: '.length));
  const isComplete = data.at(-1) === '[DONE]';
  const chunks = data.filter((text) => text !== '[DONE]').map((text) => JSON.parse(text) as Chunk);
  const texts = chunks.flatMap(({ choices }) => choices?.[0]?.delta?.content || []);
  return { texts, isComplete, error: chunks.at(-1)?.error };
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string } }[];
  readonly error?: { readonly message: string; readonly type: string; readonly code: string };
}

/** The standing of the only budget there is, once nothing of it is set aside any more. */
export async function settled(gateway: TestGateway): Promise<BudgetStanding> {
  let found: BudgetStanding | undefined;
  await until('nothing is set aside any more', async () => {
    [found] = await gateway.gateway.snapshot.budgets.standings();
    return found?.reserved === 0;
  });
  assert.ok(found !== undefined);
  return found;
}

/** Each row once it has come through the spool. */
export async function ledgerRows(
  t: TestContext,
  { gateway }: TestGateway,
  count: number,
): Promise<readonly LedgerRow[]> {
  const days = { fromDay: '2000-01-01', toDay: '2100-01-01', where: {}, rowsMax: 1_000 };
  let rows: readonly LedgerRow[] = [];
  await t.waitFor(
    async () => {
      rows = (await gateway.lasting.store.ledger.page(days)).rows;
      assert.equal(rows.length, count);
    },
    { timeout: 20_000 },
  );
  return rows;
}

export const costOf = (rows: readonly LedgerRow[]): number =>
  rows.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
