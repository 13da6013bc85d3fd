/** G11, C10: what may be spent, by the front door: set aside before, extended meanwhile, settled after. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openTestGateway } from '../gateway.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import {
  chat,
  costOf,
  ledgerRows,
  readStream,
  settled,
  spendingConfig,
  tokenNanoUsd,
  usdFor,
} from './spending-rig.ts';

async function open(t: TestContext, behaviour: Partial<Behaviour>, config: object) {
  const llm = await openFakeLlm(behaviour);
  t.after(() => llm.close());
  const gateway = await openTestGateway({ config: spendingConfig(llm.port, config) });
  t.after(() => gateway.close());
  return { llm, gateway };
}

const daily = (tokens: number) => [{ per: 'tenant', usd: usdFor(tokens), window: 'day' }];
const endless = { endless: true, chunks: ['mill'], usage: 'absent' } as const;
const short = { chunks: ['yes'], usage: { prompt: 3, completion: 1 } } as const;

test('C10, G11: of 100 clients at once on a budget for 10 whole answers, 10 are answered, the first ever included', async (t) => {
  const { llm, gateway } = await open(t, { usage: { prompt: 1, completion: 50 } }, { budgets: daily(500) });
  const replies = await Promise.all(
    Array.from({ length: 100 }, () => chat(gateway, { fields: { max_tokens: 50 } })),
  );
  const statuses = replies.map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 200).length, 10);
  assert.equal(statuses.filter((status) => status === 429).length, 90);
  assert.equal(llm.requests.filter(({ path }) => path.endsWith('/chat/completions')).length, 10);
  const { spent, limit } = await settled(gateway);
  assert.equal(spent, limit);
  const rows = await ledgerRows(t, gateway, 100);
  assert.equal(costOf(rows), limit);
});

test('a refusal says whose budget it is and that trying again is no use', async (t) => {
  const { gateway } = await open(t, short, { budgets: daily(10) });
  const refused = await chat(gateway, { fields: { max_tokens: 11 } });
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('x-should-retry'), 'false');
  const untilMidnightS = Number(refused.headers.get('retry-after'));
  assert.ok(untilMidnightS > 0 && untilMidnightS <= 86_400, `${untilMidnightS}`);
  const { error } = (await refused.json()) as { error: Record<string, unknown> };
  assert.equal(error['type'], 'insufficient_quota');
  assert.equal(error['code'], 'insufficient_quota');
  assert.match(String(error['message']), /0\.0001 USD a day for each tenant/);
  const ollama = await chat(gateway, { path: '/api/chat', fields: { options: { num_predict: 11 } } });
  const simple = await chat(gateway, { path: '/generate', fields: { prompt: 'hi', messages: undefined } });
  assert.deepEqual([ollama.status, simple.status], [429, 429]);
});

test('Retry-After stays away where the window ends too late to wait for', async (t) => {
  const { gateway } = await open(t, short, { budgets: [{ per: 'key', usd: 0.0001, window: 'total' }] });
  const refused = await chat(gateway, { fields: { max_tokens: 11 } });
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('retry-after'), null);
  assert.equal(refused.headers.get('x-should-retry'), 'false');
});

test('G11, G18: streams that run long use the budget to its last token, and end honestly there', async (t) => {
  const tokens = 4_000;
  const { llm, gateway } = await open(t, endless, { budgets: daily(tokens) });
  // Each is reserved at a thousand tokens until more is known: three fit, and leave a thousand to be shared.
  const streams = await Promise.all(
    Array.from({ length: 3 }, async () => readStream(await chat(gateway, { stream: true }))),
  );
  for (const { isComplete, error } of streams) {
    assert.equal(isComplete, false, 'never a clean end');
    assert.equal(error?.code, 'insufficient_quota');
    assert.match(error.message, /stopped here, unfinished/);
  }
  const passed = streams.reduce((sum, { texts }) => sum + texts.length, 0);
  assert.equal(passed, tokens);
  const { spent, limit } = await settled(gateway);
  assert.equal(spent, limit);
  const rows = await ledgerRows(t, gateway, 3);
  assert.equal(costOf(rows), spent);
  for (const row of rows) assert.deepEqual([row.outcome, row.code], ['failed', 'budget_exceeded']);
  for (const request of llm.requests) {
    if (request.path.endsWith('/chat/completions')) await llm.waitForClose(request);
  }
});

test('G18: other dialects are told in their own words', async (t) => {
  const { gateway } = await open(t, endless, { budgets: daily(1_100) });
  const lines = (await (await chat(gateway, { path: '/api/chat', stream: true })).text()).trim().split('\n');
  const last = JSON.parse(lines.at(-1) ?? '') as { error?: string; done?: boolean };
  assert.match(last.error ?? '', /the budget is used up/);
  assert.ok(lines.every((line) => (JSON.parse(line) as { done?: boolean }).done !== true));
});

test('a stream that is bounded by what was asked for needs no more, and is not stopped', async (t) => {
  const words = Array.from({ length: 60 }, () => 'abc ');
  const { gateway } = await open(
    t,
    { chunks: words, usage: { prompt: 1, completion: 60 } },
    { budgets: daily(60) },
  );
  const stream = await readStream(await chat(gateway, { stream: true, fields: { max_tokens: 60 } }));
  assert.equal(stream.isComplete, true);
  assert.equal(stream.texts.length, 60);
  assert.equal((await settled(gateway)).spent, 60 * tokenNanoUsd);
});

test('G15: a client that leaves pays for what came, and the rest is free again', async (t) => {
  const { llm, gateway } = await open(t, { ...endless, tokensPerSecond: 200 }, { budgets: daily(2_000) });
  const leaving = new AbortController();
  const reply = await chat(gateway, { stream: true, signal: leaving.signal });
  const reader = reply.body?.getReader();
  await reader?.read();
  leaving.abort();
  await reader?.closed.catch(() => {});
  const [row] = await ledgerRows(t, gateway, 1);
  assert.equal(row?.outcome, 'aborted');
  assert.ok(row.outputTokens > 0 && row.outputTokens < 500, `${row.outputTokens}`);
  assert.equal(row.costNanoUsd, row.outputTokens * tokenNanoUsd);
  assert.equal((await settled(gateway)).spent, row.costNanoUsd);
  await llm.waitForClose(await llm.waitForRequest(({ path }) => path.endsWith('/chat/completions')));
});

test('a client that leaves pays for what came where there are no budgets, too', async (t) => {
  const { gateway } = await open(
    t,
    { ...endless, tokensPerSecond: 200 },
    { prices: { gpu: { inputPerM: 2, outputPerM: 10 } } },
  );
  const leaving = new AbortController();
  const reply = await chat(gateway, { stream: true, signal: leaving.signal });
  const reader = reply.body?.getReader();
  await reader?.read();
  leaving.abort();
  await reader?.closed.catch(() => {});
  const [row] = await ledgerRows(t, gateway, 1);
  assert.ok((row?.outputTokens ?? 0) > 0);
  assert.equal(row?.inputTokens, 1, 'two characters');
  assert.equal(row.costNanoUsd, 2_000 + row.outputTokens * tokenNanoUsd);
  assert.match(gateway.exchangeLines[0] ?? '', /"usageEstimated":true/);
});

test('what reached no upstream is free, and so is what one refused', async (t) => {
  const { gateway } = await open(t, { status: 500 }, { budgets: daily(100), retries: { attempts: 1 } });
  for (let tried = 0; tried < 3; tried += 1) {
    const reply = await chat(gateway, { fields: { max_tokens: 100 } });
    assert.ok(reply.status >= 500, `${reply.status}`);
  }
  const { spent, reserved } = await settled(gateway);
  assert.deepEqual([spent, reserved], [0, 0]);
});

test('a whole answer that is given up costs its prompt and what such an answer most likely has', async (t) => {
  const { llm, gateway } = await open(t, { stallBeforeHead: true }, { budgets: daily(5_000) });
  const leaving = new AbortController();
  const asked = chat(gateway, { signal: leaving.signal, fields: { max_tokens: 300 } });
  const gone = assert.rejects(asked);
  await llm.waitForRequest(({ path }) => path.endsWith('/chat/completions'));
  leaving.abort();
  await gone;
  const [row] = await ledgerRows(t, gateway, 1);
  assert.deepEqual([row?.outcome, row?.outputTokens], ['aborted', 300]);
  assert.equal((await settled(gateway)).spent, 300 * tokenNanoUsd);
});

test('several tries share one reservation, at the price of the dearest', async (t) => {
  const llm = await openFakeLlm({ usage: { prompt: 1, completion: 10 } });
  t.after(() => llm.close());
  const gateway = await openTestGateway({
    config: spendingConfig(llm.port, {
      upstreams: {
        away: { type: 'openai', url: 'http://127.0.0.1:1/v1' },
        gpu: { type: 'openai', url: `${llm.url}/v1` },
      },
      models: {
        m: {
          policy: 'round-robin',
          targets: [
            { upstream: 'away', model: 'fake-model' },
            { upstream: 'gpu', model: 'fake-model', tier: 2 },
          ],
        },
      },
      prices: { away: { inputPerM: 0, outputPerM: 1 }, gpu: { inputPerM: 0, outputPerM: 10 } },
      budgets: daily(10),
    }),
  });
  t.after(() => gateway.close());
  assert.equal((await chat(gateway, { fields: { max_tokens: 11 } })).status, 429, 'by the dearer price');
  assert.equal((await chat(gateway, { fields: { max_tokens: 10 } })).status, 200);
  assert.equal((await settled(gateway)).spent, 10 * tokenNanoUsd);
});

test('an answer longer than was asked for is paid for, and told of', async (t) => {
  const { gateway } = await open(t, { usage: { prompt: 500, completion: 90 } }, { budgets: daily(1_000) });
  const reply = await chat(gateway, { fields: { max_tokens: 40 } });
  assert.equal(reply.status, 200);
  assert.equal((await settled(gateway)).spent, 90 * tokenNanoUsd);
  const [line] = gateway.exchangeLines;
  assert.match(line ?? '', /its answer had 50 tokens more than were reserved for it/);
  assert.match(line ?? '', /its prompt had 4\d\d tokens more than were reserved for it/);
});

test('a whole answer tells what it cost', async (t) => {
  const { gateway } = await open(t, short, { prices: { gpu: { inputPerM: 1, outputPerM: 2.5 } } });
  const reply = await chat(gateway);
  assert.equal(reply.headers.get('x-millrace-cost-usd'), '0.0000055');
});

test('a whole answer whose upstream told no usage is counted by its length', async (t) => {
  const { gateway } = await open(
    t,
    { chunks: ['x'.repeat(400)], usage: 'absent' },
    { budgets: daily(5_000) },
  );
  assert.equal((await chat(gateway)).status, 200);
  assert.equal((await settled(gateway)).spent, 100 * tokenNanoUsd);
});

test('what is learnt of a model’s answers makes room: short ones are reserved at little', async (t) => {
  const { gateway } = await open(t, short, { budgets: daily(1_100) });
  for (let asked = 0; asked < 32; asked += 1) {
    assert.equal((await readStream(await chat(gateway, { stream: true }))).isComplete, true);
  }
  const before = (await settled(gateway)).spent;
  assert.equal(before, 32 * tokenNanoUsd);
  // At a thousand tokens each, only one of these would fit at a time.
  const streams = await Promise.all(
    Array.from({ length: 8 }, async () => readStream(await chat(gateway, { stream: true }))),
  );
  assert.ok(streams.every(({ isComplete }) => isComplete));
});
