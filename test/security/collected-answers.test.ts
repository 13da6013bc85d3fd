/** G11: a whole answer that nobody bounded is counted as it comes, and never passes a budget. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { RateLimitError } from 'openai';
import { type Fleet, model, ollamaFake, openaiFake } from '../clients/fleet-kinds.ts';
import { until } from '../faults/rig.ts';
import { openTestGateway } from '../gateway.ts';
import { times } from '../soak.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { chat, costOf, ledgerRows, settled, spendingConfig, tokenNanoUsd, usdFor } from './spending-rig.ts';

const daily = (tokens: number) => [{ per: 'tenant', usd: usdFor(tokens), window: 'day' }];
const endless = { endless: true, chunks: ['mill'], usage: 'absent' } as const;
const isCall = ({ path }: { readonly path: string }) => /completions|api\/(chat|generate)/.test(path);

async function open(t: TestContext, behaviour: Partial<Behaviour>, config: object) {
  const llm = await openFakeLlm(behaviour);
  t.after(() => llm.close());
  const gateway = await openTestGateway({ config: spendingConfig(llm.port, config) });
  t.after(() => gateway.close());
  return { llm, gateway };
}

/** With a dollar for each forty: a hundred thousand events. */
const clients = times(10, 40);
const usd = clients / 40;

test(`G11, C10: ${clients} clients ask for answers without end, and their budget is spent and not a token more`, async (t) => {
  const { llm, gateway } = await open(t, endless, { budgets: [{ per: 'tenant', usd, window: 'day' }] });
  const replies = await Promise.all(Array.from({ length: clients }, () => chat(gateway)));
  for (const reply of replies) {
    const { error } = (await reply.json()) as { error: { message: string; code: string } };
    assert.deepEqual([reply.status, error.code], [429, 'insufficient_quota'], 'never a clean answer');
    assert.match(error.message, /cut there, and what came until then is paid for/);
    assert.equal(reply.headers.get('x-should-retry'), 'false');
  }
  const { spent, limit } = await settled(gateway);
  assert.equal(limit, usd * 1e9);
  assert.equal(spent, limit, 'each event of this upstream is one token');
  const rows = await ledgerRows(t, gateway, clients);
  assert.equal(costOf(rows), spent);
  for (const row of rows) assert.deepEqual([row.outcome, row.code], ['failed', 'budget_exceeded']);
  assert.ok(llm.requests.filter(isCall).every(({ json }) => (json as Asked).stream === true));
  for (const request of llm.requests.filter(isCall)) await llm.waitForClose(request);
});

test('G11: an event of several tokens passes a budget by at most itself, for each answer under way', async (t) => {
  const eventTokens = 10;
  const chunks = ['x'.repeat(4 * eventTokens)];
  const { gateway } = await open(t, { ...endless, chunks }, { budgets: daily(5_005) });
  await Promise.all(Array.from({ length: 4 }, () => chat(gateway)));
  const { spent, limit } = await settled(gateway);
  assert.ok(spent <= limit + 4 * eventTokens * tokenNanoUsd, `${spent} of ${limit}`);
});

test('what fits is answered whole, and costs what the upstream counted', async (t) => {
  const words = Array.from({ length: 1_500 }, () => 'abc ');
  const usage = { prompt: 1, completion: 1_500 };
  const { gateway } = await open(t, { chunks: words, usage }, { budgets: daily(40_000) });
  const replies = await Promise.all(Array.from({ length: 20 }, () => chat(gateway)));
  for (const reply of replies) {
    assert.equal(reply.status, 200);
    assert.equal(reply.headers.get('content-type'), 'application/json');
    assert.equal(reply.headers.get('x-millrace-cost-usd'), '0.015');
    const { choices } = (await reply.json()) as { choices: { message: { content: string } }[] };
    assert.equal(choices[0]?.message.content, words.join(''));
  }
  assert.equal((await settled(gateway)).spent, 20 * 1_500 * tokenNanoUsd);
  assert.equal(costOf(await ledgerRows(t, gateway, 20)), 20 * 1_500 * tokenNanoUsd);
});

test('without a budget, or with a bound of its own, an answer is asked for whole, as it was', async (t) => {
  const { llm, gateway } = await open(t, { chunks: ['yes'] }, {});
  assert.equal((await chat(gateway)).status, 200);
  await gateway.reload(spendingConfig(llm.port, { budgets: daily(5_000) }));
  assert.equal((await chat(gateway, { fields: { max_tokens: 10 } })).status, 200);
  const streamed = llm.requests.filter(isCall).map(({ json }) => (json as Asked).stream);
  assert.deepEqual(streamed, [false, false]);
});

interface Asked {
  readonly stream?: boolean;
  readonly stream_options?: object;
}

const budget = { budgets: daily(1_000_000), prices: { behind: { inputPerM: 1, outputPerM: 10 } } };
const messages = [{ role: 'user' as const, content: 'use a tool, please' }];
const parameters = { type: 'object', properties: { city: { type: 'string' } } };
const tools = [{ type: 'function' as const, function: { name: 'weather', description: 'w', parameters } }];

/** All but what is another each time: names, times and what the upstream's own dialect adds around the answer. */
function said(answer: object): unknown {
  const { choices, message, response, usage, done_reason, eval_count, prompt_eval_count } = answer as Record<
    string,
    unknown
  >;
  return JSON.parse(
    JSON.stringify({ choices, message, response, usage, done_reason, eval_count, prompt_eval_count }),
  );
}

const cases: Readonly<Record<string, (fleet: Fleet) => Promise<object>>> = {
  'a chat': ({ openai }) =>
    openai.chat.completions.create({ model, messages: [{ role: 'user', content: 'hi' }] }),
  'tool calls': ({ openai }) => openai.chat.completions.create({ model, messages, tools }),
  reasoning: ({ openai }) =>
    openai.chat.completions.create({
      model,
      messages: [{ role: 'user', content: 'hi' }],
      reasoning_effort: 'high',
    }),
  'a schema': ({ openai }) =>
    openai.chat.completions.create({
      model,
      messages,
      response_format: { type: 'json_schema', json_schema: { name: 'place', schema: parameters } },
    }),
  'a text to carry on': ({ openai }) => openai.completions.create({ model, prompt: 'the mill' }),
  "Ollama's chat with tools": ({ ollama }) => ollama.chat({ model, messages, tools }),
  "Ollama's chat that thinks": ({ ollama }) => ollama.chat({ model, messages, think: true, format: 'json' }),
  "Ollama's generate": ({ ollama }) => ollama.generate({ model, prompt: 'the mill' }),
};

for (const kind of [openaiFake, ollamaFake]) {
  for (const [name, ask] of Object.entries(cases)) {
    test(`${name} from ${kind.name} is the same answer with a budget and without`, async () => {
      await using free = await kind.open();
      await using bounded = await kind.open({ config: budget });
      const collected = await ask(bounded);
      assert.deepEqual(said(collected), said(await ask(free)));
      const reached = await bounded.fake?.waitForRequest(isCall);
      assert.equal((reached?.json as Asked | undefined)?.stream, true, 'it was collected');
    });
  }
}

test('several choices are collected each for itself', async () => {
  await using free = await openaiFake.open();
  await using bounded = await openaiFake.open({ config: budget });
  const ask = ({ openai }: Fleet) => openai.chat.completions.create({ model, messages, tools, n: 2 });
  assert.deepEqual(said(await ask(bounded)), said(await ask(free)));
});

test('logprobs are collected, and what the client wrote stays but for the stream', async () => {
  await using fleet = await openaiFake.open({ config: budget });
  const tokens = ['Mill', 'race'].map((token) => ({ token, logprob: -0.5, bytes: null, top_logprobs: [] }));
  const events = tokens.map((token) => ({
    choices: [{ index: 0, delta: { content: token.token }, logprobs: { content: [token], refusal: null } }],
  }));
  const end = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] };
  const body = [...events, end].map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
  fleet.fake?.scriptNext({
    headers: { 'content-type': 'text/event-stream' },
    body: `${body}data: [DONE]\n\n`,
  });
  const asked = { model, messages, logprobs: true, top_logprobs: 2, metadata: { of: 'theirs' } };
  const { choices } = await fleet.openai.chat.completions.create(asked);
  assert.deepEqual(choices[0]?.logprobs, { content: tokens, refusal: null });
  assert.equal(choices[0]?.message.content, 'Millrace');
  const reached = await fleet.fake?.waitForRequest(isCall);
  const streamed = { stream: true, stream_options: { include_usage: true } };
  assert.deepEqual(reached?.json, { ...asked, model: 'fake-model', ...streamed });
});

test('a server that knows no streams is read as it answers, and paid for', async () => {
  await using fleet = await openaiFake.open({ config: budget });
  const choice = { index: 0, message: { role: 'assistant', content: 'whole' }, finish_reason: 'stop' };
  fleet.fake?.scriptNext({ body: JSON.stringify({ choices: [choice] }) });
  const { choices } = await fleet.openai.chat.completions.create({ model, messages });
  assert.equal(choices[0]?.message.content, 'whole');
});

test('G11: what no stream tells is refused where nothing bounds it, and answered where something does', async (t) => {
  const { llm, gateway } = await open(t, { chunks: ['yes'] }, { budgets: daily(5_000) });
  const custom = { type: 'custom', custom: { name: 'grep' } };
  const asks = [
    { functions: [{ name: 'f' }] },
    { tools: [custom] },
    { modalities: ['text', 'audio'], audio: { voice: 'alloy', format: 'wav' } },
    { path: '/v1/completions', prompt: 'a', messages: undefined, best_of: 2 },
  ];
  for (const { path = '/v1/chat/completions', ...fields } of asks) {
    const refused = await chat(gateway, { path, fields });
    const text = await refused.text();
    assert.equal(refused.status, 400, text);
    assert.match(text, /cannot be counted as it comes: say how long it may be/);
    assert.equal((await chat(gateway, { path, fields: { ...fields, max_tokens: 10 } })).status, 200);
  }
  const { reserved } = await settled(gateway);
  assert.equal(reserved, 0);
  assert.equal(llm.requests.filter(isCall).length, asks.length);
});

test('G17: before any of it came another upstream is asked, after it none: it would be paid for twice', async (t) => {
  const [first, second] = [await openFakeLlm({ status: 500 }), await openFakeLlm({ chunks: ['second'] })];
  t.after(() => Promise.all([first.close(), second.close()]));
  const at = (port: number) => ({ type: 'openai', url: `http://127.0.0.1:${port}/v1` });
  const gateway = await openTestGateway({
    config: spendingConfig(first.port, {
      upstreams: { gpu: at(first.port), other: at(second.port) },
      models: {
        m: {
          targets: [
            { upstream: 'gpu', model: 'fake-model' },
            { upstream: 'other', model: 'fake-model', tier: 2 },
          ],
        },
      },
      prices: { gpu: { inputPerM: 0, outputPerM: 10 }, other: { inputPerM: 0, outputPerM: 10 } },
      budgets: daily(10_000),
    }),
  });
  t.after(() => gateway.close());
  assert.match(await (await chat(gateway)).text(), /second/);
  first.behave({ status: 200, ...endless, errorEventAfter: 7 });
  const before = (await settled(gateway)).spent;
  const cut = await chat(gateway);
  assert.equal(cut.status, 502);
  assert.equal((await settled(gateway)).spent - before, 7 * tokenNanoUsd, 'what came is paid for');
  assert.equal(second.requests.filter(isCall).length, 1);
});

test('G15: a client that leaves before its whole answer is there pays for what came', async (t) => {
  const { llm, gateway } = await open(t, { ...endless, tokensPerSecond: 800 }, { budgets: daily(5_000) });
  const leaving = new AbortController();
  const gone = assert.rejects(chat(gateway, { signal: leaving.signal }));
  const request = await llm.waitForRequest(isCall);
  await until('some of it came', async () => {
    const [standing] = await gateway.gateway.snapshot.budgets.standings();
    return (standing?.reserved ?? 0) > 1_010 * tokenNanoUsd;
  });
  leaving.abort();
  await gone;
  await llm.waitForClose(request);
  const [row] = await ledgerRows(t, gateway, 1);
  assert.equal(row?.outcome, 'aborted');
  assert.ok(row.outputTokens > 0 && row.outputTokens < 5_000, `${row.outputTokens}`);
  assert.equal((await settled(gateway)).spent, row.outputTokens * tokenNanoUsd);
});

test("OpenAI's and Ollama's own clients are told that the money ended", async () => {
  await using fleet = await openaiFake.open({
    behaviour: endless,
    config: { ...budget, budgets: daily(2_200) },
  });
  const refused = await fleet.openai.chat.completions
    .create({ model, messages })
    .catch((thrown: unknown) => thrown);
  assert.ok(refused instanceof RateLimitError);
  assert.equal(refused.code, 'insufficient_quota');
  assert.match(refused.message, /cut there/);
  assert.equal(fleet.gateway.exchangeLines.length, 1, 'it was not tried again');
  await assert.rejects(fleet.ollama.chat({ model, messages }), (thrown) => {
    assert.ok(thrown instanceof Error);
    return /budget/.test(thrown.message);
  });
});
