/** G11: what nobody here can count, as hidden reasoning, is bounded by the upstream itself: it is told what a budget has left. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { chat, readStream, settled, spendingConfig, tokenNanoUsd, usdFor } from './spending-rig.ts';

const daily = (tokens: number) => [{ per: 'tenant', usd: usdFor(tokens), window: 'day' }];

/** An answer that was thought about for so long that its bound ended it. */
const thought = (tokens: number): Partial<Behaviour> => ({
  chunks: ['so', ' it', ' is'],
  usage: { prompt: 1, completion: tokens },
  finishReason: 'length',
});

/** One upstream for all questions of a test: what it was asked last, and how it answers the next. */
async function open(t: TestContext, more: object) {
  const llm = await openFakeLlm({});
  t.after(() => llm.close());
  const gateway = await openTestGateway({ config: spendingConfig(llm.port, more) });
  t.after(() => gateway.close());
  const lastAsked = () => {
    const asked = llm.requests.filter(({ method }) => method === 'POST').at(-1);
    return (asked?.json ?? {}) as Readonly<Record<string, unknown>>;
  };
  return { llm, gateway, lastAsked };
}

const told = ({ exchangeLines }: TestGateway) => exchangeLines.at(-1) ?? '';

test('G11: a stream near the end of a budget is sent with what is left as its bound, and its hidden reasoning passes nothing', async (t) => {
  const { llm, gateway, lastAsked } = await open(t, { budgets: daily(1_500) });
  llm.behave(thought(1_500));
  const stream = await readStream(await chat(gateway, { stream: true }));
  assert.equal(lastAsked()['max_tokens'], 1_500);
  assert.equal(stream.isComplete, false, 'never a clean end');
  assert.deepEqual(stream.texts, ['so', ' it', ' is']);
  assert.equal(stream.error?.code, 'insufficient_quota');
  assert.match(stream.error.message, /the budget is used up: the answer was stopped here, unfinished/);
  const { spent, limit } = await settled(gateway);
  assert.deepEqual([spent, limit], [1_500 * tokenNanoUsd, 1_500 * tokenNanoUsd]);
  assert.match(told(gateway), /bounded to 1500 tokens, which is what a budget has left/);
});

test('an ordinary request is sent as it came while its budget leaves more than its model may say', async (t) => {
  const { gateway, lastAsked } = await open(t, { budgets: daily(5_096) });
  assert.equal((await readStream(await chat(gateway, { stream: true }))).isComplete, true);
  const asked = { model: 'fake-model', messages: [{ role: 'user', content: 'hi' }], stream: true };
  assert.deepEqual(lastAsked(), { ...asked, stream_options: { include_usage: true } });
  assert.doesNotMatch(told(gateway), /bounded to/);
});

test('a bound of the client’s own is lowered by the name it has, and left alone where it is less', async (t) => {
  const { llm, gateway, lastAsked } = await open(t, { budgets: daily(2_500) });
  llm.behave({ usage: { prompt: 1, completion: 1 } });
  const asked = async (fields: object) => {
    await (await chat(gateway, { stream: true, fields })).text();
    await settled(gateway);
    const { max_tokens: older, max_completion_tokens: newer, n_predict: own } = lastAsked();
    return [older, newer, own];
  };
  // Each of these answers costs a token.
  assert.deepEqual(await asked({ max_completion_tokens: 4_000 }), [undefined, 2_500, undefined]);
  assert.deepEqual(await asked({ max_tokens: 4_000, n_predict: 4_000 }), [2_499, undefined, 2_499]);
  assert.deepEqual(await asked({ max_tokens: null }), [2_498, undefined, undefined]);
  assert.deepEqual(await asked({ max_tokens: 2_000 }), [2_000, undefined, undefined]);
  assert.deepEqual(await asked({ n: 2 }), [1_248, undefined, undefined], 'half for each of two answers');
});

test('servers of other dialects are told in their own words, whoever asks', async (t) => {
  const { llm, gateway, lastAsked } = await open(t, { budgets: daily(1_500) });
  const ofOllama = { path: '/api/chat', stream: true };
  llm.behave({ usage: { prompt: 1, completion: 0 } });
  await (await chat(gateway, ofOllama)).text();
  assert.equal(lastAsked()['max_tokens'], 1_500);
  await gateway.reload({
    ...spendingConfig(0, { budgets: daily(1_500) }),
    upstreams: { gpu: { type: 'ollama', url: llm.url } },
  });
  await (await chat(gateway, ofOllama)).text();
  assert.deepEqual(lastAsked()['options'], { num_predict: 1_500 });
  await (await chat(gateway, { ...ofOllama, fields: { options: { seed: 7, num_predict: 3_000 } } })).text();
  assert.deepEqual(lastAsked()['options'], { seed: 7, num_predict: 1_500 });
  await (await chat(gateway, { stream: true, fields: { seed: 7 } })).text();
  assert.deepEqual(lastAsked()['options'], { seed: 7, num_predict: 1_500 });
  // Its last line tells all at once: the client of another dialect sees no end of its own either.
  llm.behave(thought(1_500));
  const lines = (await (await chat(gateway, ofOllama)).text()).trim().split('\n');
  const all = lines.map((line) => JSON.parse(line) as { error?: string; done?: boolean });
  assert.match(all.at(-1)?.error ?? '', /the budget is used up/);
  assert.ok(all.every(({ done }) => done !== true));
  const { spent, limit } = await settled(gateway);
  assert.equal(spent, limit);
});

test('an answer that its model ends by a length of its own ends as it did', async (t) => {
  const { llm, gateway } = await open(t, { budgets: daily(1_500) });
  llm.behave(thought(700));
  const stream = await readStream(await chat(gateway, { stream: true }));
  assert.deepEqual([stream.isComplete, stream.error], [true, undefined]);
  assert.equal((await settled(gateway)).spent, 700 * tokenNanoUsd);
});

test('who wants an answer whole and has no bound is given no part of one, also by a server that knows no streams', async (t) => {
  const { llm, gateway, lastAsked } = await open(t, { budgets: daily(3_000) });
  llm.behave(thought(3_000));
  const collected = await chat(gateway);
  assert.equal(lastAsked()['max_tokens'], 3_000);
  assert.equal(collected.status, 429);
  assert.match(await collected.text(), /the budget was used up before the answer was complete/);
  const { spent, limit } = await settled(gateway);
  assert.equal(spent, limit);
  await gateway.reload(spendingConfig(Number(new URL(llm.url).port), { budgets: daily(5_000) }));
  const choices = [{ index: 0, message: { role: 'assistant', content: 'so' }, finish_reason: 'length' }];
  const usage = { prompt_tokens: 1, completion_tokens: 2_000 };
  const body = JSON.stringify({ id: 'c', object: 'chat.completion', choices, usage });
  llm.behave({ body, headers: { 'content-type': 'application/json' } });
  const whole = await chat(gateway);
  assert.equal(lastAsked()['max_tokens'], 2_000);
  assert.equal(whole.status, 429);
  assert.match(await whole.text(), /the budget was used up before the answer was complete/);
  assert.equal((await settled(gateway)).spent, 5_000 * tokenNanoUsd);
});

test('the margin of a prompt is what the configuration says', async (t) => {
  const prices = { gpu: { inputPerM: 10, outputPerM: 0 }, margin: 1 };
  const { gateway } = await open(t, { prices, budgets: daily(58) });
  // 100 bytes are 25 tokens; as much again, and 8 around the message.
  const messages = (bytes: number) => [{ role: 'user', content: 'x'.repeat(bytes) }];
  assert.equal((await chat(gateway, { fields: { messages: messages(104), max_tokens: 1 } })).status, 429);
  assert.equal((await chat(gateway, { fields: { messages: messages(100), max_tokens: 1 } })).status, 200);
});
