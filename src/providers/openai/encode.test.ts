import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Call, JsonObject } from '../../core/call.ts';
import type { Endpoint } from '../../core/exchange.ts';
import { Failure } from '../../core/failure.ts';
import { parseJsonBody } from '../../protocol/json-body.ts';
import { ollamaChat } from '../../protocol/ollama-chat.ts';
import { ollamaEmbed } from '../../protocol/ollama-embed.ts';
import { ollamaGenerate } from '../../protocol/ollama-generate.ts';
import { openaiChat } from '../../protocol/openai-chat.ts';
import { openaiCompletions } from '../../protocol/openai-completions.ts';
import { openaiEmbeddings } from '../../protocol/openai-embeddings.ts';
import { simpleGenerate } from '../../protocol/simple-generate.ts';
import { openaiAdapter } from './adapter.ts';

const parseText = (endpoint: Endpoint, text: string) => endpoint.parse(parseJsonBody(Buffer.from(text)));
const parse = (endpoint: Endpoint, body: object) => parseText(endpoint, JSON.stringify(body));
const sent = (call: Call, model = 'real-model') => {
  const { body } = openaiAdapter.encode(call, model).request;
  return typeof body === 'string' ? body : Buffer.from(body ?? []).toString();
};

const passing: readonly (readonly [endpoint: Endpoint, path: string])[] = [
  [openaiChat, '/chat/completions'],
  [openaiCompletions, '/completions'],
  [openaiEmbeddings, '/embeddings'],
];
for (const [endpoint, path] of passing) {
  test(`a request for ${path} passes with its bytes, only the model's name is another`, () => {
    const text =
      '{ "input":"x","prompt" : "caf\\u00e9 \\"model\\"" ,"messages":[{"role":"user","content":"a\\/b"}],' +
      '\n"model": "alias", "unknown": [1.0, {"model": 1e2}], "reasoning_effort":"xhigh","seed":12345678901234567890}';
    const call = parseText(endpoint, text);
    const { request, verbatim, dropUsage, warnings } = openaiAdapter.encode(call, 'real-model');
    assert.deepEqual([verbatim, dropUsage, warnings, request.path], [true, false, undefined, path]);
    assert.equal(sent(call), text.replace('"alias"', '"real-model"'));
    assert.equal(openaiAdapter.encode(call, 'alias').request.body, call.wire.bytes);
  });
}

const chatWith = (fields: string) =>
  `{"model":"m",${fields}"messages":[{"role":"user","content":"x"}],"stream":true}`;

/** What was sent, and what it becomes, so that every stream tells its usage. */
const streamed: readonly (readonly [given: string, becomes: string, dropUsage: boolean])[] = [
  ['', '"stream_options":{"include_usage":true},', true],
  ['"stream_options":{"include_usage":true},', '"stream_options":{"include_usage":true},', false],
  ['"stream_options" : null ,', '"stream_options" : {"include_usage":true} ,', true],
  ['"stream_options":{},', '"stream_options":{"include_usage":true},', true],
  [
    '"stream_options":{"include_obfuscation":false,"include_usage":false},',
    '"stream_options":{"include_obfuscation":false,"include_usage":true},',
    true,
  ],
];
for (const [given, becomes, dropUsage] of streamed) {
  test(`a stream with ${given || 'no stream_options'} asks for usage, byte by byte`, () => {
    const call = parseText(openaiChat, chatWith(given));
    const expected =
      given === ''
        ? `{${becomes}${chatWith('').slice(1)}`.replace('"m"', '"real-model"')
        : chatWith(becomes).replace('"m"', '"real-model"');
    assert.equal(sent(call), expected);
    assert.equal(openaiAdapter.encode(call, 'm').dropUsage, dropUsage);
  });
}

test('whatever stands around it, a spliced body says the same but for model and usage', () => {
  const others = fc.dictionary(
    fc.string({ minLength: 1 }).filter((key) => !/^(?:model|messages|stream|__proto__)/.test(key)),
    // As JSON says it: an object can hold -0, its text cannot.
    fc
      .jsonValue()
      .map((value) => JSON.parse(JSON.stringify(value)))
      .filter((value) => !JSON.stringify(value).includes('__proto__')),
    { noNullPrototype: true, maxKeys: 4 },
  );
  const known = new Set(['temperature', 'top_p', 'n', 'stop', 'seed', 'tools', 'user', 'think', 'options']);
  fc.assert(
    fc.property(others, fc.string(), fc.boolean(), fc.boolean(), (extra, model, stream, modelFirst) => {
      fc.pre(Object.keys(extra).every((key) => !known.has(key)));
      const messages = [{ role: 'user', content: 'x' }];
      const body = modelFirst
        ? { model: 'alias', ...extra, messages, stream }
        : { ...extra, messages, stream, model: 'alias' };
      const call = parse(openaiChat, body);
      assert.deepEqual(JSON.parse(sent(call, model)), {
        ...body,
        model,
        ...(stream ? { stream_options: { include_usage: true } } : {}),
      });
    }),
  );
});

const encoded = (endpoint: Endpoint, body: object): { body: JsonObject; warnings: readonly string[] } => {
  const call = parse(endpoint, { model: 'alias', ...body });
  const { request, verbatim, warnings = [] } = openaiAdapter.encode(call, 'real-model');
  assert.equal(verbatim, false);
  return { body: JSON.parse(String(request.body)), warnings };
};

test("an Ollama chat is written in OpenAI's words", () => {
  const tool = { name: 'f', description: 'does', parameters: { type: 'object' } };
  const { body, warnings } = encoded(ollamaChat, {
    stream: true,
    messages: [
      { role: 'system', content: 'Be brief' },
      { role: 'user', content: 'what is it', images: ['iVBORw0KGgoA'] },
      {
        role: 'assistant',
        content: '',
        thinking: 'hm',
        tool_calls: [{ id: 'c1', function: { name: 'f', arguments: { a: 1 } } }],
      },
      { role: 'tool', content: 'done', tool_name: 'f' },
    ],
    tools: [{ type: 'function', function: tool }],
    format: { type: 'object' },
    think: 'high',
    options: { temperature: 0.5, num_predict: 7, stop: ['x'], top_k: 3, seed: 9 },
  });
  assert.deepEqual(warnings, []);
  assert.deepEqual(body, {
    model: 'real-model',
    stream: true,
    stream_options: { include_usage: true },
    messages: [
      { role: 'system', content: 'Be brief' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'what is it' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgoA' } },
        ],
      },
      {
        role: 'assistant',
        content: '',
        reasoning_content: 'hm',
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
      },
      { role: 'tool', content: 'done', tool_call_id: 'c1' },
    ],
    tools: [{ type: 'function', function: tool }],
    response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: { type: 'object' } } },
    reasoning_effort: 'high',
    temperature: 0.5,
    max_tokens: 7,
    stop: ['x'],
    top_k: 3,
    seed: 9,
  });
});

const thoughts: readonly (readonly [think: unknown, effort: unknown])[] = [
  [true, 'medium'],
  [false, 'none'],
  ['low', 'low'],
  [undefined, undefined],
];
for (const [think, effort] of thoughts) {
  test(`think ${JSON.stringify(think)} is the effort ${effort}`, () => {
    const { body } = encoded(ollamaChat, { messages: [{ role: 'user', content: 'x' }], think });
    assert.equal(body['reasoning_effort'], effort);
  });
}

test('a text to carry on becomes a completion, with its probabilities as a number', () => {
  const asked = { prompt: 'x', raw: true, stream: false, logprobs: true, top_logprobs: 3 };
  assert.deepEqual(encoded(ollamaGenerate, asked).body, { model: 'real-model', prompt: 'x', logprobs: 3 });
  const one = { prompt: 'x', suffix: 'y', stream: false, logprobs: true };
  assert.deepEqual(encoded(ollamaGenerate, one).body, {
    model: 'real-model',
    prompt: 'x',
    suffix: 'y',
    logprobs: 0,
  });
});

test('texts to embed are asked for as numbers', () => {
  assert.deepEqual(encoded(ollamaEmbed, { input: ['a', 'b'], dimensions: 3 }).body, {
    model: 'real-model',
    input: ['a', 'b'],
    dimensions: 3,
    encoding_format: 'float',
  });
});

test('the simple API asks with its own defaults', () => {
  assert.deepEqual(encoded(simpleGenerate, { prompt: 'x' }).body, {
    model: 'real-model',
    messages: [{ role: 'user', content: 'x' }],
    max_tokens: 512,
    temperature: 0.7,
  });
});

const hints: readonly (readonly [endpoint: Endpoint, body: object, named: readonly RegExp[]])[] = [
  [
    ollamaGenerate,
    { prompt: 'x', keep_alive: '5m', options: { num_ctx: 1, mirostat: 2 } },
    [/^options\.num_ctx /, /^options\.mirostat /, /^keep_alive /],
  ],
  [ollamaGenerate, { prompt: 'x', raw: true, think: true }, [/^think /]],
  [ollamaEmbed, { input: 'x', truncate: true }, [/^truncate /]],
  [ollamaEmbed, { input: 'x', truncate: false }, []],
];
for (const [endpoint, body, named] of hints) {
  test(`of ${JSON.stringify(body)}, what means nothing here is left out by name`, () => {
    const { warnings } = encoded(endpoint, body);
    assert.equal(warnings.length, named.length, warnings.join());
    for (const [index, pattern] of named.entries()) assert.match(warnings[index] ?? '', pattern);
  });
}

const refused: readonly (readonly [body: object, param: string])[] = [
  [{ prompt: 'x', context: [1, 2, 3] }, 'context'],
  [{ prompt: 'x', template: '{{ .Prompt }}' }, 'template'],
  [{ prompt: 'x', suffix: 'y', system: 'z' }, 'system'],
  [{ prompt: 'x', raw: true, images: ['iVBORw0KGgoA'] }, 'images'],
];
for (const [body, param] of refused) {
  test(`${param} is refused by name`, () => {
    assert.throws(
      () => encoded(ollamaGenerate, body),
      (thrown) => thrown instanceof Failure && thrown.code === 'unsupported' && thrown.param === param,
    );
  });
}

test('what a budget has left is told by the name that the model takes', () => {
  const body = { model: 'alias', messages: [{ role: 'user', content: 'hi' }], stream: true };
  const bounded = (endpoint: Endpoint, model: string) => {
    const call = parse(endpoint, body);
    assert.ok(call.kind === 'chat');
    const asked = JSON.parse(sent({ ...call, sampling: { maxTokens: 9 }, boundTokens: 9 }, model));
    return [asked.max_tokens, asked.max_completion_tokens];
  };
  for (const endpoint of [openaiChat, ollamaChat]) {
    for (const model of [
      'gpt-4o',
      'gpt-35-turbo',
      'azure/gpt-35-turbo-16k',
      'gpt-oss-20b',
      'mistral-small',
      'o-model',
      'phi3',
    ]) {
      assert.deepEqual(bounded(endpoint, model), [9, undefined], model);
    }
    for (const model of ['o3', 'openai/o4-mini', 'gpt-5', 'gpt-5.1', 'gpt-5-mini-2025-08-07', 'gpt-10']) {
      assert.deepEqual(bounded(endpoint, model), [undefined, 9], model);
    }
  }
});
