// G21: what is under way is written down at what it may come to wherever somebody sends a bill, budgets or none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { openGatedLlm } from '../upstream/gated-llm.ts';
import { until } from './rig.ts';

const tokensMax = 400;
const tokenNanoUsd = 10_000;
const prices = { dear: { inputPerM: 0, outputPerM: tokenNanoUsd / 1_000 } };

for (const [what, budgets] of [
  ['without budgets', []],
  ['beside a budget of others', [{ per: 'user', usd: 1, window: 'total' }]],
] as const) {
  test(`G21: ${what} an exchange that is cut counts at what it may have come to, and a free one at nothing`, async (t) => {
    const llm = await openGatedLlm(t);
    const upstream = { type: 'openai', url: llm.url };
    const config = {
      upstreams: { dear: upstream, free: upstream },
      models: {
        dear: { targets: [{ upstream: 'dear', model: 'gated' }] },
        free: { targets: [{ upstream: 'free', model: 'gated' }] },
      },
      prices,
      budgets,
    };
    const gateway = await openTestGateway({ config });
    t.after(() => gateway.close());
    llm.shut();
    const asked = [ask(gateway, 'dear'), ask(gateway, 'free')];
    await until('both are under way', () => llm.asked === 2);
    // Who comes after it reads what it would have left behind.
    const next = await openTestGateway({ config, data: gateway.data });
    const left = await next.gateway.lasting.spool.unshipped({ ours: false, names: [] });
    await next.close();
    const told = left.map((row) => [row.model, row.outcome, row.outputTokens, row.costNanoUsd]).sort();
    assert.deepEqual(told, [
      ['dear', 'lost', tokensMax, tokensMax * tokenNanoUsd],
      ['free', 'lost', 0, 0],
    ]);
    llm.open();
    await Promise.all(asked);
  });
}

test('G21: whatever length an answer is asked for, it is written down as something that the ledger can keep', async (t) => {
  const llm = await openGatedLlm(t);
  const config = {
    upstreams: { dear: { type: 'openai', url: llm.url } },
    models: { dear: { targets: [{ upstream: 'dear', model: 'gated' }] } },
    prices,
  };
  const gateway = await openTestGateway({ config });
  t.after(() => gateway.close());
  llm.shut();
  const asked = [ask(gateway, 'dear', 1e21), ask(gateway, 'dear', Number.MAX_SAFE_INTEGER)];
  await until('both are under way', () => llm.asked === 2);
  const next = await openTestGateway({ config, data: gateway.data });
  const left = await next.gateway.lasting.spool.unshipped({ ours: false, names: [] });
  await next.close();
  // As of any answer without a bound: no server says so much.
  const likely = [1_000, 1_000 * tokenNanoUsd];
  assert.deepEqual(
    left.map((row) => [row.outputTokens, row.costNanoUsd]),
    [likely, likely],
  );
  llm.open();
  await Promise.all(asked);
});

async function ask({ url, key }: TestGateway, model: string, tokens = tokensMax): Promise<void> {
  const reply = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, max_tokens: tokens, messages: [{ role: 'user', content: 'hi' }] }),
  });
  assert.equal(reply.status, 200, await reply.text());
}
