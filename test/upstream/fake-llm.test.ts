import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import type { Behaviour } from './behaviour.ts';
import { type FakeLlm, openFakeLlm } from './fake-llm.ts';
import { ask } from './raw-client.ts';

async function start(t: TestContext, behaviour: Partial<Behaviour> = {}): Promise<FakeLlm> {
  const llm = await openFakeLlm(behaviour);
  t.after(() => llm.close());
  return llm;
}

const openaiOf = ({ url }: FakeLlm) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
const ollamaOf = ({ url }: FakeLlm) => new Ollama({ host: url });

const model = 'fake-model';
const say = (content: string) => [{ role: 'user' as const, content }];
const parameters = {
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 3 } },
};
const tools = [
  { type: 'function' as const, function: { name: 'weather', description: 'The weather', parameters } },
];

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test('the official OpenAI client reads a whole answer that echoes the last message', async (t) => {
  const client = openaiOf(await start(t));
  const reply = await client.chat.completions.create({ model, messages: say('hello there') });
  assert.equal(reply.choices[0]?.message.content, 'echo: hello there');
  assert.equal(reply.choices[0]?.finish_reason, 'stop');
  assert.equal(reply.usage?.completion_tokens, 3);
});

test('an OpenAI stream has the role, the texts, the finish, the usage that was asked for, and the end marker', async (t) => {
  const llm = await start(t);
  const body = { model, messages: say('hello there'), stream: true };
  const { content } = await ask(llm.port, '/v1/chat/completions', {
    ...body,
    stream_options: { include_usage: true },
  });
  const events = content.toString().trimEnd().split('\n\n');
  const chunks = events.slice(0, -1).map((event) => JSON.parse(event.replace('data: ', '')));
  assert.equal(events.at(-1), 'data: [DONE]');
  const deltas = chunks.map((chunk) => chunk.choices[0]?.delta.content);
  assert.deepEqual(deltas, ['', 'echo:', ' hello', ' there', undefined, undefined]);
  assert.equal(chunks[0].choices[0].delta.role, 'assistant');
  assert.equal(chunks[4].choices[0].finish_reason, 'stop');
  assert.equal(chunks[4].usage, null);
  assert.deepEqual(chunks[5].choices, []);
  assert.equal(chunks[5].usage.completion_tokens, 3);
  const without = await ask(llm.port, '/v1/chat/completions', body);
  assert.ok(!without.content.includes('usage'));
});

test('the OpenAI paths also answer without /v1', async (t) => {
  const { port } = await start(t);
  const whole = await ask(port, '/chat/completions', { model, messages: say('x') });
  assert.equal(JSON.parse(whole.content.toString()).choices[0].message.content, 'echo: x');
  assert.match((await ask(port, '/models')).content.toString(), /"id":"fake-model"/);
});

test('OpenAI tool calls come whole, and streamed in fragments that join to JSON', async (t) => {
  const client = openaiOf(await start(t));
  const request = { model, messages: say('use a tool'), tools };
  const whole = await client.chat.completions.create(request);
  const [call] = whole.choices[0]?.message.tool_calls ?? [];
  assert.equal(call?.type === 'function' && call.function.arguments, '{"city":"text","days":3}');
  assert.equal(whole.choices[0]?.finish_reason, 'tool_calls');
  const chunks = await collect(await client.chat.completions.create({ ...request, stream: true }));
  const fragments = chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []);
  assert.equal(fragments[0]?.id, 'call_fake_0');
  assert.equal(fragments[0]?.function?.name, 'weather');
  assert.ok(fragments.length > 3);
  const joined = fragments.map((fragment) => fragment.function?.arguments).join('');
  assert.equal(joined, '{"city":"text","days":3}');
});

test('tools are left alone when the message does not ask, when the choice is none, and after their result', async (t) => {
  const llm = await start(t);
  const client = openaiOf(llm);
  const toolCalls = async (request: Partial<OpenAI.ChatCompletionCreateParamsNonStreaming>) => {
    const reply = await client.chat.completions.create({
      model,
      messages: say('use a tool'),
      tools,
      ...request,
    });
    return reply.choices[0]?.message.tool_calls?.length ?? 0;
  };
  assert.equal(await toolCalls({ messages: say('hello') }), 0);
  assert.equal(await toolCalls({ messages: say('hello'), tool_choice: 'required' }), 1);
  assert.equal(await toolCalls({ tool_choice: 'none' }), 0);
  const result = { role: 'tool' as const, tool_call_id: 'call_fake_0', content: 'the tool says rain' };
  assert.equal(await toolCalls({ messages: [...say('use a tool'), result] }), 0);
  llm.behave({ toolCalls: 'never' });
  assert.equal(await toolCalls({}), 0);
  llm.behave({
    toolCalls: [
      { name: 'a', arguments: {} },
      { name: 'b', arguments: { x: 1 } },
    ],
  });
  assert.equal(await toolCalls({ messages: say('hello') }), 2);
});

test('structured output matches the schema that was sent, in both dialects', async (t) => {
  const llm = await start(t);
  const schema = {
    type: 'object',
    properties: {
      name: { $ref: '#/$defs/name' },
      kind: { enum: ['a', 'b'] },
      tags: { type: 'array', items: { anyOf: [{ type: 'boolean' }, { type: 'null' }] } },
      score: { type: ['number', 'null'] },
      fixed: { const: 7 },
    },
    $defs: { name: { type: 'string', minLength: 6 } },
  };
  const expected = { name: 'texttt', kind: 'a', tags: [true], score: 0, fixed: 7 };
  const whole = await openaiOf(llm).chat.completions.create({
    model,
    messages: say('x'),
    response_format: { type: 'json_schema', json_schema: { name: 'thing', schema } },
  });
  assert.deepEqual(JSON.parse(whole.choices[0]?.message.content ?? ''), expected);
  const ollama = await ollamaOf(llm).chat({ model, messages: say('x'), format: schema });
  assert.deepEqual(JSON.parse(ollama.message.content), expected);
  const plain = await ollamaOf(llm).generate({ model, prompt: 'x', format: 'json' });
  assert.equal(plain.response, '{}');
});

test('reasoning is told apart from the answer, in both dialects, whole and streamed', async (t) => {
  const llm = await start(t, { reasoning: ['hm', ' yes'] });
  const body = { model, messages: say('x') };
  const whole = JSON.parse((await ask(llm.port, '/v1/chat/completions', body)).content.toString());
  assert.equal(whole.choices[0].message.reasoning_content, 'hm yes');
  const stream = await ask(llm.port, '/v1/chat/completions', { ...body, stream: true });
  assert.match(stream.content.toString(), /"delta":{"reasoning_content":"hm"}/);
  llm.behave({ reasoning: 'when-asked' });
  const chat = await ollamaOf(llm).chat({ ...body, think: true });
  assert.equal(chat.message.thinking, 'Let me think.');
  const lines = await collect(
    await ollamaOf(llm).generate({ model, prompt: 'x', think: true, stream: true }),
  );
  assert.equal(lines.map((line) => line.thinking ?? '').join(''), 'Let me think.');
  llm.behave({ reasoning: 'never' });
  assert.equal((await ollamaOf(llm).chat({ ...body, think: true })).message.thinking, undefined);
});

test('completions, several choices and a token limit work as at OpenAI', async (t) => {
  const client = openaiOf(await start(t));
  const text = await client.completions.create({ model, prompt: 'one two three', max_tokens: 2, n: 2 });
  assert.deepEqual(
    text.choices.map(({ index, text, finish_reason }) => [index, text, finish_reason]),
    [
      [0, 'echo: one', 'length'],
      [1, 'echo: one', 'length'],
    ],
  );
  const chunks = await collect(await client.completions.create({ model, prompt: 'one two', stream: true }));
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.text).join(''), 'echo: one two');
  const images = [
    { type: 'text' as const, text: 'see ' },
    { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,AA==' } },
    { type: 'text' as const, text: 'this' },
  ];
  const seen = await client.chat.completions.create({ model, messages: [{ role: 'user', content: images }] });
  assert.equal(seen.choices[0]?.message.content, 'echo: see this');
});

test('embeddings are the same for the same text, in every form and dialect', async (t) => {
  const llm = await start(t);
  const client = openaiOf(llm);
  const both = await client.embeddings.create({
    model,
    input: ['a', 'b'],
    dimensions: 4,
    encoding_format: 'float',
  });
  // The client asks for base64 unless told otherwise, and turns it into numbers.
  const [again] = (await client.embeddings.create({ model, input: 'a', dimensions: 4 })).data;
  assert.deepEqual(both.data[0]?.embedding, again?.embedding);
  assert.notDeepEqual(both.data[0]?.embedding, both.data[1]?.embedding);
  assert.ok(Math.abs(Math.hypot(...(again?.embedding ?? [])) - 1) < 1e-6);
  const raw = await ask(llm.port, '/v1/embeddings', { model, input: 'a', encoding_format: 'base64' });
  assert.equal(typeof JSON.parse(raw.content.toString()).data[0].embedding, 'string');
  const [full] = (await ollamaOf(llm).embed({ model, input: 'a' })).embeddings;
  assert.deepEqual((await ollamaOf(llm).embeddings({ model, prompt: 'a' })).embedding, full);
});

test('the official Ollama client chats, generates, calls tools and stops at num_predict', async (t) => {
  const client = ollamaOf(await start(t));
  const whole = await client.chat({ model, messages: say('hello there') });
  assert.equal(whole.message.content, 'echo: hello there');
  assert.equal(whole.eval_count, 3);
  const lines = await collect(await client.chat({ model, messages: say('hello there'), stream: true }));
  assert.equal(lines.map((line) => line.message.content).join(''), 'echo: hello there');
  assert.deepEqual([lines.at(-1)?.done, lines.at(-1)?.done_reason], [true, 'stop']);
  const short = await client.generate({ model, prompt: 'one two', options: { num_predict: 2 } });
  assert.deepEqual([short.response, short.done_reason, short.context], ['echo: one', 'length', [1, 2, 3]]);
  const raw = await client.generate({ model, prompt: 'x', raw: true, images: ['AA=='] });
  assert.equal(raw.context, undefined);
  const called = await client.chat({ model, messages: say('use a tool'), tools });
  assert.deepEqual(called.message.tool_calls?.[0]?.function.arguments, { city: 'text', days: 3 });
  const streamed = await collect(
    await client.chat({ model, messages: say('use a tool'), tools, stream: true }),
  );
  assert.equal(streamed.flatMap((line) => line.message.tool_calls ?? [])[0]?.function.name, 'weather');
  const loaded = await client.generate({ model, prompt: '' });
  assert.deepEqual([loaded.response, loaded.done_reason], ['', 'load']);
});

test('the Ollama library lists, shows, pulls, copies, creates from blobs, pushes and deletes', async (t) => {
  const llm = await start(t, { models: ['gemma2:2b'] });
  const client = ollamaOf(llm);
  const names = async () => (await client.list()).models.map(({ name }) => name);
  const progress = await collect(await client.pull({ model: 'new', stream: true }));
  assert.equal(progress.at(-1)?.status, 'success');
  assert.ok(progress.some(({ total, completed }) => total !== undefined && completed === total));
  await client.copy({ source: 'new', destination: 'copy' });
  assert.deepEqual(await names(), ['gemma2:2b', 'new', 'copy']);
  await client.delete({ model: 'new' });
  assert.equal((await client.push({ model: 'copy' })).status, 'success');
  assert.deepEqual((await client.show({ model: 'copy' })).capabilities, [
    'completion',
    'tools',
    'thinking',
    'vision',
  ]);
  assert.equal((await client.create({ model: 'made', from: 'copy' })).status, 'success');
  assert.deepEqual(
    (await client.ps()).models.map(({ name }) => name),
    ['gemma2:2b', 'copy', 'made'],
  );
  assert.equal((await client.version()).version, '0.31.0');
  await assert.rejects(client.delete({ model: 'lost' }), /model 'lost' not found/);
  assert.equal((await ask(llm.port, '/')).content.toString(), 'Ollama is running');
});

test('blobs are kept under the digest of what was sent, and a model can be made of them', async (t) => {
  const { url } = await start(t);
  const digest = 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
  const statusOf = async (method: string, body?: string) => {
    const init = body === undefined ? { method } : { method, body };
    return (await fetch(`${url}/api/blobs/${digest}`, init)).status;
  };
  const create = async () => {
    const body = JSON.stringify({ model: 'made', files: { 'a.gguf': digest }, stream: false });
    return (await fetch(`${url}/api/create`, { method: 'POST', body })).status;
  };
  assert.deepEqual([await statusOf('HEAD'), await create()], [404, 400]);
  assert.equal(await statusOf('POST', 'something else'), 400);
  assert.equal(await statusOf('POST', 'hello'), 201);
  assert.deepEqual([await statusOf('HEAD'), await create()], [200, 200]);
  assert.equal((await fetch(`${url}/`, { method: 'HEAD' })).status, 200);
});

test('unknown paths, bodies that are no JSON and, when told so, unknown models get the error of the dialect', async (t) => {
  const llm = await start(t, { unknownModel: 'refuse' });
  const post = async (path: string, body: string) => {
    const reply = await fetch(llm.url + path, { method: 'POST', body });
    return [reply.status, await reply.json()];
  };
  assert.deepEqual(await post('/api/nothing', '{}'), [404, { error: 'no such path: POST /api/nothing' }]);
  assert.deepEqual(await post('/api/chat', '{'), [400, { error: 'the body is not JSON' }]);
  assert.deepEqual(await post('/api/chat', '{"model":"x"}'), [404, { error: "model 'x' not found" }]);
  const error = {
    message: "model 'x' not found",
    type: 'invalid_request_error',
    param: null,
    code: 'model_not_found',
  };
  assert.deepEqual(await post('/v1/chat/completions', '{"model":"x"}'), [404, { error }]);
});
