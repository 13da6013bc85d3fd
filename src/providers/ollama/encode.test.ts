import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Call, ChatCall, JsonObject } from '../../core/call.ts';
import type { Endpoint } from '../../core/exchange.ts';
import { Failure } from '../../core/failure.ts';
import { parseJsonBody } from '../../protocol/json-body.ts';
import { ollamaChat } from '../../protocol/ollama-chat.ts';
import { encodeContext } from '../../protocol/ollama-context.ts';
import { ollamaEmbed, ollamaEmbeddings } from '../../protocol/ollama-embed.ts';
import { ollamaGenerate } from '../../protocol/ollama-generate.ts';
import { openaiChat } from '../../protocol/openai-chat.ts';
import { ollamaAdapter } from './adapter.ts';

const parseText = (endpoint: Endpoint, text: string) => endpoint.parse(parseJsonBody(Buffer.from(text)));
const parse = (endpoint: Endpoint, body: object) => parseText(endpoint, JSON.stringify(body));

function encode(call: Call): { path: string; body: JsonObject } {
  const { request, verbatim, dropUsage } = ollamaAdapter.encode(call, 'llama3.2:3b');
  assert.deepEqual([verbatim, dropUsage, request.method], [false, false, 'POST']);
  return { path: request.path, body: JSON.parse(String(request.body)) };
}

const passing: readonly (readonly [endpoint: Endpoint, path: string])[] = [
  [ollamaChat, '/api/chat'],
  [ollamaGenerate, '/api/generate'],
  [ollamaEmbed, '/api/embed'],
  [ollamaEmbeddings, '/api/embeddings'],
];
for (const [endpoint, path] of passing) {
  test(`a request for ${path} passes with its bytes, only the model's name is another`, () => {
    const text =
      '{ "prompt" : "caf\\u00e9 \\"model\\"" ,\n"model": "alias", "unknown": [1.0, {"model": 1e2}] }';
    const { request, verbatim } = ollamaAdapter.encode(parseText(endpoint, text), 'real:7b');
    assert.equal(verbatim, true);
    assert.equal(request.path, path);
    const sent = Buffer.from(request.body as Uint8Array).toString();
    assert.equal(sent, text.replace('"alias"', '"real:7b"'));
  });
}

test('token ids of an Ollama go back to an Ollama; a conversation that we kept goes as messages', () => {
  const theirs = parse(ollamaGenerate, { model: 'm', prompt: 'x', context: [1, 2, 3] });
  assert.equal(ollamaAdapter.encode(theirs, 'm').verbatim, true);

  const context = encodeContext([{ role: 'user', content: 'I am Ada' }], 'Hello Ada');
  const ours = parse(ollamaGenerate, {
    model: 'm',
    prompt: 'Who am I?',
    context,
    keep_alive: 60,
    shift: false,
  });
  assert.deepEqual(encode(ours), {
    path: '/api/chat',
    body: {
      shift: false,
      model: 'llama3.2:3b',
      messages: [
        { role: 'user', content: 'I am Ada' },
        { role: 'assistant', content: 'Hello Ada' },
        { role: 'user', content: 'Who am I?' },
      ],
      stream: true,
      keep_alive: 60,
    },
  });
});

test("what only Ollama has works through OpenAI's API too, with images, tools and a schema", () => {
  const call = parse(openaiChat, {
    model: 'gpt',
    stream: true,
    messages: [
      { role: 'developer', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'One' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
          { type: 'text', text: 'two' },
        ],
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'call_9', type: 'function', function: { name: 'look', arguments: '{"at":"it"}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_9', content: 'a cat' },
    ],
    tools: [{ type: 'function', function: { name: 'look', description: 'Looks' } }],
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'pet', schema: { type: 'object' }, strict: true },
    },
    reasoning_effort: 'high',
    max_completion_tokens: 50,
    temperature: 0.1,
    stop: 'END',
    frequency_penalty: 0.5,
    keep_alive: '10m',
    options: { num_ctx: 4096, temperature: 0.9 },
    user: 'u-1',
    metadata: { a: 'b' },
    logit_bias: {},
    verbosity: 'medium',
    service_tier: 'auto',
  });
  assert.deepEqual(encode(call), {
    path: '/api/chat',
    body: {
      model: 'llama3.2:3b',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'One\ntwo', images: ['iVBORw0KGgo='] },
        {
          role: 'assistant',
          content: '',
          tool_calls: [{ id: 'call_9', function: { index: 0, name: 'look', arguments: { at: 'it' } } }],
        },
        { role: 'tool', content: 'a cat', tool_name: 'look', tool_call_id: 'call_9' },
      ],
      tools: [
        {
          type: 'function',
          function: { name: 'look', description: 'Looks', parameters: { type: 'object', properties: {} } },
        },
      ],
      stream: true,
      format: { type: 'object' },
      think: 'high',
      options: { num_ctx: 4096, temperature: 0.1, num_predict: 50, stop: ['END'], frequency_penalty: 0.5 },
      keep_alive: '10m',
    },
  });
});

const wire = {
  dialect: 'openai',
  endpoint: 'any',
  bytes: new Uint8Array(),
  spans: new Map(),
  value: {},
} as const;
const facts = { wire, model: 'm', stream: false, engine: {}, extra: {} } as const;
const chat: ChatCall = {
  kind: 'chat',
  ...facts,
  messages: [{ role: 'user', content: 'x' }],
  sampling: {},
  wantsUsage: false,
};
const complete: Call = { kind: 'complete', ...facts, prompt: 'Once', sampling: {}, wantsUsage: false };
const embed: Call = { kind: 'embed', ...facts, input: ['a', 'b'], encoding: 'base64' };

test('a completion is raw, except with a suffix, which the template must place', () => {
  assert.deepEqual(encode({ ...complete, prompt: ['Once'] }), {
    path: '/api/generate',
    body: { model: 'llama3.2:3b', prompt: 'Once', raw: true, stream: false },
  });
  const { body } = encode({ ...complete, suffix: 'end', images: ['data:image/jpeg;base64,/9j/'] });
  assert.deepEqual([body['raw'], body['suffix'], body['images']], [false, 'end', ['/9j/']]);
});

test('texts to embed are not cut short unless the client agreed', () => {
  assert.deepEqual(encode({ ...embed, dimensions: 8, engine: { keepAlive: 0, options: { num_ctx: 64 } } }), {
    path: '/api/embed',
    body: {
      model: 'llama3.2:3b',
      input: ['a', 'b'],
      truncate: false,
      dimensions: 8,
      options: { num_ctx: 64 },
      keep_alive: 0,
    },
  });
  assert.equal(encode({ ...embed, truncate: true }).body['truncate'], true);
});

test('thinking is asked for in the words that Ollama has', () => {
  const thinks = [true, false, 'none', 'minimal', 'low', 'medium', 'high'] as const;
  assert.deepEqual(
    thinks.map((think) => encode({ ...chat, think }).body['think']),
    [true, false, false, 'low', 'low', 'medium', 'high'],
  );
});

test('tools that must not be called are not offered', () => {
  const { body } = encode({ ...chat, tools: [{ name: 'f' }], toolChoice: 'none' });
  assert.equal('tools' in body, false);
});

const user = (content: ChatCall['messages'][number]['content']) => [{ role: 'user', content }] as const;
const assistant = (text: string) =>
  [{ role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'f', arguments: text }] }] as const;

const refused: readonly (readonly [call: Call, param: string])[] = [
  [{ ...chat, sampling: { choices: 2 } }, 'n'],
  [{ ...chat, sampling: { maxTokens: 0 } }, 'max_tokens'],
  [{ ...chat, tools: [{ name: 'f' }], toolChoice: 'required' }, 'tool_choice'],
  [{ ...chat, tools: [{ name: 'f' }], toolChoice: { name: 'f' } }, 'tool_choice'],
  [{ ...chat, tools: [{ name: 'f' }], parallelToolCalls: false }, 'parallel_tool_calls'],
  [{ ...chat, extra: { logit_bias: { 50256: -100 } } }, 'logit_bias'],
  [{ ...chat, extra: { modalities: ['text', 'audio'] } }, 'modalities'],
  [{ ...chat, extra: { verbosity: 'low' } }, 'verbosity'],
  [{ ...chat, extra: { web_search_options: {} } }, 'web_search_options'],
  [
    { ...chat, messages: user([{ type: 'image', url: 'https://example.com/x.png' }]) },
    'messages[0].content[0]',
  ],
  [{ ...chat, messages: user([{ type: 'image', url: 'file:///etc/passwd' }]) }, 'messages[0].content[0]'],
  [
    { ...chat, messages: user([{ type: 'image', url: 'data:image/svg+xml,<svg/>' }]) },
    'messages[0].content[0]',
  ],
  [{ ...chat, messages: [{ role: 'user', content: 'x', name: 'Ada' }] }, 'messages[0].name'],
  [{ ...chat, messages: assistant('{"a":') }, 'messages[0].tool_calls[0].function.arguments'],
  [{ ...chat, messages: assistant('[1]') }, 'messages[0].tool_calls[0].function.arguments'],
  [{ ...complete, prompt: ['a', 'b'] }, 'prompt'],
  [{ ...complete, prompt: '' }, 'prompt'],
  [{ ...complete, echo: true }, 'echo'],
  [{ ...complete, extra: { best_of: 3 } }, 'best_of'],
  [{ ...embed, input: [[1, 2]] }, 'input[0]'],
];
for (const [call, param] of refused) {
  test(`what Ollama cannot do is refused by name: ${param}`, () => {
    assert.throws(
      () => ollamaAdapter.encode(call, 'm'),
      (error) =>
        error instanceof Failure &&
        error.blame === 'client' &&
        error.param === param &&
        error.message.includes(param),
    );
  });
}
