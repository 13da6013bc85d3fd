// G11: what a prompt is reserved at, wherever in the request it is written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestGateway } from '../gateway.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { chat, spendingConfig } from './spending-rig.ts';

test('G11: whatever a server puts into a prompt is reserved, wherever the client wrote it', async (t) => {
  const llm = await openFakeLlm({ chunks: ['yes'], usage: { prompt: 3, completion: 1 } });
  t.after(() => llm.close());
  const budgets = [{ per: 'key', tokens: 2_000, window: 'day' }];
  const gateway = await openTestGateway({ config: spendingConfig(llm.port, { budgets }) });
  t.after(() => gateway.close());
  const schema = (text: string) => ({
    type: 'object',
    properties: { a: { type: 'string', description: text } },
  });
  const call = (name: string) => ({ id: 'c', type: 'function', function: { name, arguments: '{}' } });
  const chatted = { path: '/v1/chat/completions', fields: {} };
  const completed = { path: '/v1/completions', fields: { messages: undefined, prompt: 'a' } };
  const ways: readonly [asked: typeof chatted, said: (text: string) => object][] = [
    [
      chatted,
      (text) => ({
        response_format: { type: 'json_schema', json_schema: { name: 'a', schema: schema(text) } },
      }),
    ],
    [chatted, (text) => ({ functions: [{ name: 'f', description: text, parameters: {} }] })],
    [chatted, (text) => ({ documents: [{ title: 'a', text }] })],
    [chatted, (text) => ({ messages: [{ role: 'assistant', content: '', tool_calls: [call(text)] }] })],
    [completed, (suffix) => ({ suffix })],
  ];
  for (const [{ path, fields }, said] of ways) {
    const ask = async (text: string) =>
      (await chat(gateway, { path, fields: { max_tokens: 4, ...fields, ...said(text) } })).status;
    assert.equal(await ask('a mill '.repeat(1_500)), 429, JSON.stringify(said('')));
    assert.equal(await ask('a mill'), 200, JSON.stringify(said('')));
  }
  const long = 'a mill '.repeat(1_500);
  for (const unsaid of [
    { metadata: { note: long } },
    { allowed_token_ids: Array.from({ length: 5_000 }, (_, at) => at) },
    { guided_choice: [long] },
    { structured_outputs: { grammar: long } },
    { grammar: long },
  ]) {
    const { status } = await chat(gateway, { fields: { max_tokens: 4, ...unsaid } });
    assert.equal(status, 200, `no model is shown it: ${Object.keys(unsaid)}`);
  }
});
