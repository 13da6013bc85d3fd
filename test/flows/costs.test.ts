/** What an exchange costs, from the front door to the ledger and the metrics. The worked example of docs/costs.md. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import type { LedgerRow } from '../../src/core/ledger.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { runSecret } from '../run-canary.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { openCloud } from '../upstream/named-cloud.ts';

async function openGateway(t: TestContext, config: Readonly<Record<string, unknown>>): Promise<TestGateway> {
  const gateway = await openTestGateway({ config });
  t.after(() => gateway.close());
  return gateway;
}

function call({ url, key }: TestGateway, model: string, more = {}): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }], ...more }),
  });
}

/** Each row once it has come through the spool. */
async function rows(t: TestContext, { gateway }: TestGateway, count: number): Promise<readonly LedgerRow[]> {
  const days = { fromDay: '2000-01-01', toDay: '2100-01-01', where: {}, rowsMax: 100 };
  let found: readonly LedgerRow[] = [];
  await t.waitFor(
    async () => {
      found = (await gateway.lasting.store.ledger.page(days)).rows;
      assert.equal(found.length, count);
    },
    { timeout: 20_000 },
  );
  return found;
}

async function metric(gateway: TestGateway, name: string): Promise<readonly string[]> {
  const text = await (
    await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${gateway.key}` } })
  ).text();
  return text.split('\n').filter((line) => line.startsWith(name));
}

const doc = readFileSync(new URL('../../docs/costs.md', import.meta.url), 'utf8');
const [, usageText = '', usdText = ''] = /```json\n(.*?)```\n\ncosts ([\d.]+) USD/s.exec(doc) ?? [];
const [, pricesText = ''] = /```yaml\n(prices:\n.*?)```/s.exec(doc) ?? [];
const usage = JSON.parse(usageText) as Readonly<Record<string, unknown>>;
const { prices } = parse(pricesText) as { readonly prices: Readonly<Record<string, unknown>> };
const cost = Math.round(Number(usdText) * 1e9);

test('the worked example: a call of a cloud with kept input and reasoning costs what its tokens cost', async (t) => {
  const llm = await openCloud(t, usage);
  const upstreams = {
    cloud: { type: 'openai', url: llm.namedUrl, key: runSecret('provider') },
  };
  const models = { assistant: { targets: [{ upstream: 'cloud', model: 'gpt-4o' }] } };
  const gateway = await openGateway(t, { upstreams, models, prices, dns: llm.dns });
  assert.equal((await call(gateway, 'assistant')).status, 200);
  assert.equal(cost, 2_000 * 2_500 + 10_000 * 1_250 + 300 * 10_000 + 200 * 12_000);
  const [row] = await rows(t, gateway, 1);
  assert.equal(row?.costNanoUsd, cost);
  assert.equal(row.priceVersion, `config:${gateway.gateway.snapshot.id}`);
  assert.deepEqual(
    [row.inputTokens, row.cachedInputTokens, row.outputTokens, row.reasoningTokens],
    [12_000, 10_000, 500, 200],
  );
  assert.deepEqual(await metric(gateway, 'millrace_cost_usd_total{'), [
    `millrace_cost_usd_total{gen_ai_operation_name="chat",gen_ai_request_model="assistant",upstream="cloud"} ${cost / 1e9}`,
  ]);
});

test('a reload changes the price of later exchanges only', async (t) => {
  const llm = await openCloud(t, usage);
  const upstreams = { cloud: { type: 'openai', url: llm.namedUrl } };
  const gateway = await openGateway(t, { upstreams, prices, dns: llm.dns });
  llm.scriptNext({ firstTokenMs: 300 });
  const early = call(gateway, 'cloud/gpt-4o');
  await llm.waitForRequest(({ path }) => path.endsWith('/chat/completions'));
  const dearer = { 'cloud/gpt-4o': { inputPerM: 25, outputPerM: 100 } };
  await gateway.reload({ upstreams, prices: dearer, dns: llm.dns });
  assert.equal(gateway.gateway.listener.inFlight, 1);
  assert.equal((await early).status, 200);
  assert.equal((await call(gateway, 'cloud/gpt-4o')).status, 200);
  const [first, second] = await rows(t, gateway, 2);
  assert.equal(first?.costNanoUsd, cost);
  assert.equal(second?.costNanoUsd, 12_000 * 25_000 + 500 * 100_000);
  assert.notEqual(first.priceVersion, second.priceVersion);
});

test('without a configured price the catalogue’s holds, and what it does not list costs the highest, told once', async (t) => {
  const llm = await openCloud(t, { prompt_tokens: 1_000, completion_tokens: 100 });
  const upstreams = { cloud: { type: 'openai', url: llm.namedUrl } };
  const gateway = await openGateway(t, { upstreams, dns: llm.dns });
  for (const model of ['gpt-4o', 'gpt-unheard-of', 'gpt-unheard-of']) {
    assert.equal((await call(gateway, `cloud/${model}`)).status, 200);
  }
  const [listed, unlisted] = await rows(t, gateway, 3);
  assert.match(listed?.priceVersion ?? '', /^catalogue:\d{4}-\d\d-\d\d$/);
  assert.ok((listed?.costNanoUsd ?? 0) > 0);
  assert.match(unlisted?.priceVersion ?? '', /^highest:\d{4}-\d\d-\d\d$/);
  assert.ok((unlisted?.costNanoUsd ?? 0) > (listed?.costNanoUsd ?? 0));
  const told = gateway.lines.filter((line) => line.includes('price of a model is not known'));
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /"upstream":"cloud","model":"gpt-unheard-of"/);
});

test('a server of one’s own costs nothing unless it has a price, and saves what the premium model would cost', async (t) => {
  const llm = await openFakeLlm({ usage: { prompt: 1_000, completion: 100 } });
  t.after(() => llm.close());
  const upstreams = { gpu: { type: 'openai', url: `${llm.url}/v1` } };
  const gateway = await openGateway(t, {
    upstreams,
    prices: { premium: 'big', big: { inputPerM: 3, outputPerM: 15 } },
  });
  assert.equal((await call(gateway, 'gpu/fake-model')).status, 200);
  const [row] = await rows(t, gateway, 1);
  assert.deepEqual(
    [row?.costNanoUsd, row?.priceVersion, row?.savedNanoUsd, row?.savedBy],
    [0, 'own', 1_000 * 3_000 + 100 * 15_000, 'self-hosting'],
  );
});

test('an exchange that failed costs what its usage says', async (t) => {
  const usageEvent = JSON.stringify({ choices: [], usage: { prompt_tokens: 40, completion_tokens: 2 } });
  const content = JSON.stringify({ choices: [{ index: 0, delta: { content: 'hel' } }] });
  const llm = await openFakeLlm({
    headers: { 'content-type': 'text/event-stream' },
    // It ends without `[DONE]`: broken off.
    body: `data: ${content}\n\ndata: ${usageEvent}\n\n`,
  });
  t.after(() => llm.close());
  const upstreams = { gpu: { type: 'openai', url: `${llm.url}/v1` } };
  const gateway = await openGateway(t, { upstreams, prices: { gpu: { inputPerM: 1, outputPerM: 10 } } });
  await (await call(gateway, 'gpu/fake-model', { stream: true })).text();
  const [row] = await rows(t, gateway, 1);
  assert.equal(row?.outcome, 'failed');
  assert.equal(row.costNanoUsd, 40 * 1_000 + 2 * 10_000);
});
