/** G11, C10: what may be spent, by the front door: set aside before, extended meanwhile, settled after. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import OpenAI, { APIError, RateLimitError } from 'openai';
import { until } from '../faults/rig.ts';
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
  assert.match(
    String(error['message']),
    /^this request may come to 0\.000\d+ USD and \d+ tokens, which does not fit in .* \(0\.0001 USD a day for each tenant/,
  );
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

test('OpenAI’s own client gives up on a spent budget at once, and fails where a stream is stopped', async (t) => {
  const { gateway } = await open(t, endless, { budgets: daily(1_200) });
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 2 });
  const messages = [{ role: 'user' as const, content: 'hi' }];
  const refused = await client.chat.completions
    .create({ model: 'm', messages, max_tokens: 5_000 })
    .catch((thrown: unknown) => thrown);
  assert.ok(refused instanceof RateLimitError);
  assert.equal(refused.code, 'insufficient_quota');
  assert.equal(gateway.exchangeLines.length, 1, 'it was not tried again');
  let texts = 0;
  const read = async () => {
    const stream = await client.chat.completions.create({ model: 'm', messages, stream: true });
    for await (const chunk of stream) texts += chunk.choices[0]?.delta.content ? 1 : 0;
  };
  await assert.rejects(read, (thrown) => thrown instanceof APIError && thrown.code === 'insufficient_quota');
  assert.equal(texts, 1_200);
});

test('G15: a client that leaves the queue frees what was set aside for it', async (t) => {
  const { llm, gateway } = await open(t, { stallBeforeHead: true }, { budgets: daily(1_000) });
  const config = spendingConfig(llm.port, { budgets: daily(1_000) });
  const upstreams = { gpu: { type: 'openai', url: `${llm.url}/v1`, slots: 1 } };
  await gateway.reload({ ...config, upstreams });
  const leaving = new AbortController();
  const first = assert.rejects(chat(gateway, { signal: leaving.signal, fields: { max_tokens: 300 } }));
  await llm.waitForRequest(({ path }) => path.endsWith('/chat/completions'));
  const waiting = new AbortController();
  const second = assert.rejects(chat(gateway, { signal: waiting.signal, fields: { max_tokens: 200 } }));
  const reserved = async () => (await gateway.gateway.snapshot.budgets.standings())[0]?.reserved;
  await until('both are set aside', async () => (await reserved()) === 500 * tokenNanoUsd);
  waiting.abort();
  await second;
  await until('one is free again', async () => (await reserved()) === 300 * tokenNanoUsd);
  leaving.abort();
  await first;
  assert.equal((await settled(gateway)).spent, 300 * tokenNanoUsd, 'only where an upstream worked');
});

test('hidden reasoning beyond what was reserved is paid for and told of', async (t) => {
  const usage = {
    prompt_tokens: 1,
    completion_tokens: 500,
    completion_tokens_details: { reasoning_tokens: 480 },
  };
  const choices = [{ index: 0, message: { role: 'assistant', content: 'yes' }, finish_reason: 'stop' }];
  const { gateway } = await open(
    t,
    { body: JSON.stringify({ id: 'c', object: 'chat.completion', choices, usage }) },
    { budgets: daily(1_000) },
  );
  assert.equal((await chat(gateway, { fields: { max_tokens: 100 } })).status, 200);
  assert.equal((await settled(gateway)).spent, 500 * tokenNanoUsd);
  assert.match(
    gateway.exchangeLines[0] ?? '',
    /its answer had 400 tokens more than were reserved for it, 480 of all hidden reasoning/,
  );
  const headers = { authorization: `Bearer ${gateway.key}` };
  const metrics = await (await fetch(`${gateway.url}/metrics`, { headers })).text();
  assert.match(metrics, /^millrace_cost_beyond_reserved_usd_total\{[^}]*\} 0\.004$/m);
});

test('several answers at once are reserved for each, those included that only the upstream sees', async (t) => {
  const { gateway } = await open(t, short, { budgets: daily(100) });
  const asks = [{ n: 3 }, { prompt: ['a', 'b', 'c'] }, { best_of: 3 }];
  for (const fields of asks) {
    const path = '/v1/completions';
    const asked = { prompt: 'a', messages: undefined, max_tokens: 40, ...fields };
    assert.equal((await chat(gateway, { path, fields: asked })).status, 429, JSON.stringify(fields));
  }
  const chatted = await chat(gateway, { fields: { n: 3, max_tokens: 40 } });
  assert.equal(chatted.status, 429);
});

test('an embedding is reserved at its prompt', async (t) => {
  const { gateway } = await open(t, short, {
    prices: { gpu: { inputPerM: 10, outputPerM: 0 } },
    budgets: daily(100),
  });
  const embed = async (input: string) =>
    (await chat(gateway, { path: '/v1/embeddings', fields: { input, messages: undefined } })).status;
  assert.equal(await embed('a mill '.repeat(50)), 429, 'a hundred tokens and their margin');
  assert.equal(await embed('a mill'), 200);
});

test('a model that costs nothing is never refused for dollars', async (t) => {
  const { gateway } = await open(t, short, { prices: {}, budgets: daily(1) });
  for (let asked = 0; asked < 3; asked += 1) assert.equal((await chat(gateway)).status, 200);
  assert.equal((await chat(gateway)).headers.get('x-millrace-cost-usd'), null);
});

test('a server of our own that is asked with a key costs the highest price until somebody says: never zero', async (t) => {
  const llm = await openFakeLlm(short);
  t.after(() => llm.close());
  const proxy = { type: 'openai', url: `${llm.url}/v1`, key: 'sk-for-the-proxy' };
  const config = {
    upstreams: { gpu: proxy },
    prices: {},
    budgets: [{ per: 'tenant', usd: 0.05, window: 'day' }],
  };
  const gateway = await openTestGateway({ config: spendingConfig(llm.port, config) });
  t.after(() => gateway.close());
  assert.equal((await chat(gateway, { fields: { max_tokens: 100_000 } })).status, 429);
  const reply = await chat(gateway, { fields: { max_tokens: 1 } });
  assert.equal(reply.status, 200);
  assert.ok(Number(reply.headers.get('x-millrace-cost-usd')) > 0);
  assert.match(gateway.exchangeLines.at(-1) ?? '', /"priceVersion":"highest:/);
});

test('tokens and requests are budgets too', async (t) => {
  const { gateway } = await open(t, short, {
    budgets: [
      { per: 'key', tokens: 60, window: 'day' },
      { per: 'tenant', requests: 3, window: 'day' },
    ],
  });
  assert.equal(
    (await chat(gateway, { fields: { max_tokens: 60 } })).status,
    429,
    'its prompt counts as well',
  );
  for (let asked = 0; asked < 3; asked += 1) {
    assert.equal((await chat(gateway, { fields: { max_tokens: 10 } })).status, 200);
  }
  const refused = await chat(gateway, { fields: { max_tokens: 10 } });
  assert.match(await refused.text(), /3 requests a day for each tenant/);
});

test('G15: whenever clients leave, nothing stays set aside, and the ledger has what was spent', async (t) => {
  const { gateway } = await open(
    t,
    { chunks: ['mill'], endless: true, usage: 'absent', firstTokenMs: 10, tokensPerSecond: 2_000 },
    { budgets: daily(1_000_000) },
  );
  const leave = async (at: number) => {
    const leaving = new AbortController();
    const asked = chat(gateway, { stream: true, signal: leaving.signal });
    // One in four leaves before anything came; the others after so many pieces of their answer.
    if (at % 4 > 0) {
      const reader = (await asked).body?.getReader();
      for (let read = 0; read < at % 40; read += 1) await reader?.read();
    }
    leaving.abort();
    await asked.then((reply) => reply.text()).catch(() => {});
  };
  await Promise.all(Array.from({ length: 200 }, (_, at) => leave(at)));
  await until('all of them are over', () => gateway.exchangeLines.length >= 150);
  await until('and nothing is in flight', () => gateway.gateway.listener.inFlight === 0);
  const { spent } = await settled(gateway);
  await until('the lines say the same', () => {
    const lines = gateway.exchangeLines.map((line) => JSON.parse(line) as { costNanoUsd?: number });
    return spent === lines.reduce((sum, { costNanoUsd = 0 }) => sum + costNanoUsd, 0);
  });
  assert.ok(spent > 0);
});
