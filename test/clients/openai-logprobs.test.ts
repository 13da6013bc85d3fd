/** Log probabilities as OpenAI's own client reads them, from servers that tell them and from one that cannot. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BadRequestError } from 'openai';
import { collect, isCall, model, ollamaFake, openaiFake, simulator } from './fleet-kinds.ts';

const asked = {
  model,
  messages: [{ role: 'user' as const, content: 'hi' }],
  logprobs: true,
  top_logprobs: 2,
};
const token = { token: 'Hi', logprob: -0.25, bytes: [72, 105], top_logprobs: [] };

test('a server that speaks OpenAI is asked for them, and what it tells arrives as it is', async () => {
  await using fleet = await openaiFake.open();
  const choice = { index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' };
  const body = JSON.stringify({ choices: [{ ...choice, logprobs: { content: [token], refusal: null } }] });
  fleet.fake?.scriptNext({ body });
  const { choices } = await fleet.openai.chat.completions.create(asked);
  assert.deepEqual(choices[0]?.logprobs, { content: [token], refusal: null });
  const reached = await fleet.fake?.waitForRequest(isCall);
  assert.deepEqual(reached?.json, { ...asked, model: 'fake-model' });
});

test("an Ollama server's come in OpenAI's form, whole and streamed", async () => {
  await using fleet = await ollamaFake.open();
  const recorded = new URL('../../src/providers/ollama/fixtures/chat-logprobs.json', import.meta.url);
  const reply = JSON.parse(readFileSync(recorded, 'utf8')) as { logprobs: { token: string }[] };
  fleet.fake?.scriptNext({ body: JSON.stringify(reply) }, { body: `${JSON.stringify(reply)}\n` });
  const { choices } = await fleet.openai.chat.completions.create(asked);
  const tokens = choices[0]?.logprobs?.content?.map((entry) => entry.token);
  assert.deepEqual(
    tokens,
    reply.logprobs.map((entry) => entry.token),
  );
  const chunks = await collect(await fleet.openai.chat.completions.create({ ...asked, stream: true }));
  assert.deepEqual(
    chunks.flatMap((chunk) => chunk.choices[0]?.logprobs?.content?.map((entry) => entry.token) ?? []),
    tokens,
  );
  const reached = await fleet.fake?.waitForRequest(isCall);
  const { logprobs, top_logprobs } = (reached?.json ?? {}) as typeof asked;
  assert.deepEqual([logprobs, top_logprobs], [true, 2]);
});

test('the simulator has none and says so', async () => {
  await using fleet = await simulator.open();
  await assert.rejects(
    fleet.openai.chat.completions.create(asked),
    (thrown) => thrown instanceof BadRequestError && thrown.param === 'logprobs',
  );
});
