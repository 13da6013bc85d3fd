import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ChatCall, Json } from '../core/call.ts';
import type { Endpoint, ReplyFacts } from '../core/exchange.ts';
import { Failure, fail } from '../core/failure.ts';
import type { Part } from '../core/part.ts';
import { parseJsonBody } from './json-body.ts';
import { ollamaChat } from './ollama-chat.ts';
import { ollamaEmbed, ollamaEmbeddings } from './ollama-embed.ts';
import { ollamaGenerate } from './ollama-generate.ts';
import { loadAsked, loadParts, loadResult } from './ollama-load.ts';

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const parse = (endpoint: Endpoint, body: unknown) =>
  endpoint.parse(parseJsonBody(Buffer.from(JSON.stringify(body))));

/** A clock that each look moves on by half a millisecond, from an even second. */
function factsOf(call: ReplyFacts['call']): ReplyFacts {
  let elapsed = 0;
  return {
    id: '01',
    call,
    model: 'gemma',
    wallMs: Date.UTC(2026, 10, 20, 10),
    elapsedMs: () => {
      elapsed += 0.5;
      return elapsed;
    },
  };
}

test('a chat request with everything becomes a neutral call', () => {
  const bytes = fixture('ollama-chat-request.json');
  const { wire, ...call } = ollamaChat.parse(parseJsonBody(bytes)) as ChatCall;
  assert.equal(wire.dialect, 'ollama');
  assert.equal(wire.endpoint, 'chat');
  assert.equal(Buffer.compare(wire.bytes, bytes), 0);
  assert.deepEqual(call, {
    kind: 'chat',
    model: 'llama3.2',
    stream: true,
    messages: [
      { role: 'system', content: 'You are brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is in this picture?' },
          { type: 'image', url: 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUg==' },
          { type: 'image', url: 'data:image/jpeg;base64,/9j/4AAQSkZJRg==' },
        ],
      },
      {
        role: 'assistant',
        content: '',
        reasoning: 'I need the weather twice.',
        toolCalls: [
          { id: 'call_2_0', name: 'get_weather', arguments: '{"city":"Tokyo","days":2}' },
          { id: 'call_given', name: 'get_time', arguments: '{}' },
        ],
      },
      { role: 'tool', content: '11 degrees', toolCallId: 'call_2_0', name: 'get_weather' },
      { role: 'tool', content: 'noon', toolCallId: 'call_given', name: 'get_time' },
    ],
    sampling: {
      temperature: 0.5,
      topK: 20,
      topP: 0.9,
      minP: 0.05,
      maxTokens: 100,
      seed: 42,
      stop: ['\n', 'user:'],
      repeatPenalty: 1.2,
      presencePenalty: 1.5,
      frequencyPenalty: 1,
      logprobs: true,
      topLogprobs: 3,
    },
    engine: { keepAlive: '1h30m', options: { num_ctx: 8192, num_gpu: 1 } },
    wantsUsage: true,
    extra: { truncate: false },
    tools: [
      {
        name: 'get_weather',
        description: 'Get the weather in a city',
        parameters: { type: 'object', required: ['city'], properties: { city: { type: 'string' } } },
      },
    ],
    format: { schema: { type: 'object', properties: { age: { type: 'integer' } } } },
    think: 'medium',
  });
});

test('the defaults of the engine, said aloud, ask for nothing', () => {
  const call = parse(ollamaChat, {
    model: 'm',
    messages: [{ role: 'user', content: 'x' }],
    stream: null,
    format: '',
    think: null,
    options: { num_predict: -1, seed: -1, temperature: null },
  }) as ChatCall;
  assert.deepEqual(call.sampling, {});
  assert.deepEqual(call.engine, {});
  assert.equal(call.format, undefined);
  assert.equal(call.stream, true);
});

test('tools that answer without an id or a name answer the calls in their order', () => {
  const toolCall = { function: { name: 'look', arguments: {} } };
  const call = parse(ollamaChat, {
    model: 'm',
    messages: [
      { role: 'assistant', tool_calls: [toolCall, toolCall] },
      { role: 'tool', content: 'first' },
      { role: 'tool', content: 'second', tool_name: 'look' },
      { role: 'tool', content: 'nobody asked' },
    ],
  }) as ChatCall;
  assert.deepEqual(
    call.messages.slice(1).map(({ toolCallId }) => toolCallId),
    ['call_0_0', 'call_0_1', undefined],
  );
});

const loads: readonly (readonly [endpoint: Endpoint, body: object, asked: string | undefined])[] = [
  [ollamaChat, { model: 'm' }, 'load'],
  [ollamaChat, { model: 'm', messages: [] }, 'load'],
  [ollamaChat, { model: 'm', messages: [], keep_alive: 0 }, 'unload'],
  [ollamaChat, { model: 'm', messages: [], keep_alive: '0s' }, 'unload'],
  [ollamaChat, { model: 'm', messages: [{ role: 'user', content: '' }], keep_alive: 0 }, undefined],
  [ollamaGenerate, { model: 'm', prompt: '', keep_alive: '10m' }, 'load'],
  [ollamaGenerate, { model: 'm', raw: true, keep_alive: '0' }, 'unload'],
  [ollamaGenerate, { model: 'm', prompt: 'x', keep_alive: 0 }, undefined],
  [ollamaEmbed, { model: 'm' }, 'load'],
  [ollamaEmbeddings, { model: 'm', prompt: '' }, 'load'],
];
for (const [endpoint, body, asked] of loads) {
  test(`${endpoint.name} ${JSON.stringify(body)} asks to ${asked ?? 'answer'}`, () => {
    assert.equal(loadAsked(parse(endpoint, body)), asked);
  });
}

test('loading is answered with its own reason and without counts', () => {
  const call = parse(ollamaChat, { model: 'm' });
  const render = ollamaChat.openRenderer(factsOf(call));
  const expected = {
    model: 'gemma',
    created_at: '2026-11-20T10:00:00.000500000Z',
    message: { role: 'assistant', content: '' },
    done: true,
    done_reason: 'load',
  };
  assert.deepEqual(JSON.parse(loadParts('load').map(render).join('')), expected);
  assert.deepEqual(JSON.parse(ollamaChat.renderResult(loadResult(call, 'load'), factsOf(call))), expected);
});

const user = [{ role: 'user', content: 'x' }];
const refused: readonly (readonly [endpoint: Endpoint, body: object, param: string])[] = [
  [ollamaChat, { messages: user }, 'model'],
  [ollamaChat, { model: '', messages: user }, 'model'],
  [ollamaChat, { model: 'm', messages: 'hi' }, 'messages'],
  [ollamaChat, { model: 'm', messages: [{ role: 'robot' }] }, 'messages[0].role'],
  [ollamaChat, { model: 'm', messages: [...user, { role: 'user', content: 5 }] }, 'messages[1].content'],
  [
    ollamaChat,
    { model: 'm', messages: [{ role: 'user', images: ['http://10.0.0.1/x.png'] }] },
    'messages[0].images[0]',
  ],
  [
    ollamaChat,
    { model: 'm', messages: [{ role: 'user', images: Array(33).fill('AA==') }] },
    'messages[0].images',
  ],
  [
    ollamaChat,
    {
      model: 'm',
      messages: [{ role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: '{}' } }] }],
    },
    'messages[0].tool_calls[0].function.arguments',
  ],
  [
    ollamaChat,
    { model: 'm', messages: user, tools: [{ type: 'function', function: {} }] },
    'tools[0].function.name',
  ],
  [ollamaChat, { model: 'm', messages: user, options: { temperature: 'hot' } }, 'options.temperature'],
  [ollamaChat, { model: 'm', messages: user, options: { stop: [1] } }, 'options.stop[0]'],
  [ollamaChat, { model: 'm', messages: user, options: [] }, 'options'],
  [ollamaChat, { model: 'm', messages: user, format: 'yaml' }, 'format'],
  [ollamaChat, { model: 'm', messages: user, think: 'deeply' }, 'think'],
  [ollamaChat, { model: 'm', messages: user, keep_alive: '5 minutes' }, 'keep_alive'],
  [ollamaChat, { model: 'm', messages: user, keep_alive: '5' }, 'keep_alive'],
  [ollamaChat, { model: 'm', messages: user, stream: 'yes' }, 'stream'],
  [ollamaChat, { model: 'm', messages: user, top_logprobs: 21 }, 'top_logprobs'],
  [ollamaGenerate, { model: 'm', prompt: ['x'] }, 'prompt'],
  [ollamaGenerate, { model: 'm', prompt: 'x', raw: true, template: 't' }, 'template'],
  [ollamaGenerate, { model: 'm', prompt: 'x', raw: true, system: 's' }, 'system'],
  [ollamaGenerate, { model: 'm', prompt: 'x', raw: true, context: [1] }, 'context'],
  [ollamaGenerate, { model: 'm', prompt: 'x', context: [1, 'two'] }, 'context[1]'],
  [ollamaEmbed, { model: 'm', input: [1] }, 'input[0]'],
  [ollamaEmbed, { model: 'm', input: 'x', dimensions: 1.5 }, 'dimensions'],
  [ollamaEmbeddings, { model: 'm', prompt: 1 }, 'prompt'],
];
for (const [endpoint, body, param] of refused) {
  test(`${endpoint.name} refuses ${JSON.stringify(body).slice(0, 100)} and names ${param}`, () => {
    assert.throws(
      () => parse(endpoint, body),
      (error) => error instanceof Failure && error.param === param && error.message.startsWith(param),
    );
  });
}

test('any JSON is either a call or a failure of the client (C2)', () => {
  const field = fc.constantFrom(
    'role',
    'content',
    'images',
    'tool_calls',
    'function',
    'name',
    'arguments',
    'stop',
  );
  const value = fc.jsonValue({ maxDepth: 3 });
  const nested = fc.oneof(value, fc.dictionary(field, value), fc.array(fc.dictionary(field, value)));
  const top = fc.constantFrom(
    ...[
      'messages',
      'tools',
      'options',
      'format',
      'think',
      'keep_alive',
      'stream',
      'logprobs',
      'top_logprobs',
    ],
    ...[
      'prompt',
      'system',
      'template',
      'suffix',
      'context',
      'raw',
      'images',
      'input',
      'dimensions',
      'truncate',
    ],
  );
  fc.assert(
    fc.property(fc.dictionary(top, nested), (fields) => {
      for (const endpoint of [ollamaChat, ollamaGenerate, ollamaEmbed, ollamaEmbeddings]) {
        try {
          parse(endpoint, { model: 'm', ...fields });
        } catch (error) {
          assert.ok(error instanceof Failure && error.blame === 'client', String(error));
        }
      }
    }),
    { numRuns: 300 },
  );
});

const streamed: readonly Part[] = [
  { type: 'reasoning-delta', text: 'Hm.' },
  { type: 'text-delta', text: 'Let me look.' },
  { type: 'tool-call-delta', index: 0, id: 'call_a', name: 'get_weather', arguments: '' },
  { type: 'tool-call-delta', index: 0, arguments: '{"city":' },
  { type: 'text-delta', text: 'not for us', choice: 1 },
  { type: 'tool-call-delta', index: 1, id: 'call_b', name: 'get_time' },
  { type: 'tool-call-delta', index: 0, arguments: '"Tokyo"}' },
  { type: 'choice-ended', stop: 'tool_calls' },
  { type: 'usage', usage: { inputTokens: 7, outputTokens: 9 } },
  { type: 'reply-ended' },
];

test('a stream is written as Ollama writes it: tool calls whole, counts and times on the last line', () => {
  const render = ollamaChat.openRenderer(factsOf(parse(ollamaChat, { model: 'm', messages: user })));
  assert.equal(streamed.map(render).join(''), fixture('ollama-chat-stream.ndjson').toString());
});

test('what the upstream measured is told as it is', () => {
  const render = ollamaChat.openRenderer(factsOf(parse(ollamaChat, { model: 'm', messages: user })));
  const usage = { inputTokens: 1, outputTokens: 2, loadNs: 11, promptNs: 12, outputNs: 13 };
  render({ type: 'choice-ended', stop: 'length' });
  render({ type: 'usage', usage });
  const last = JSON.parse(render({ type: 'reply-ended' }));
  assert.equal(last.done_reason, 'length');
  assert.deepEqual([last.load_duration, last.prompt_eval_duration, last.eval_duration], [11, 12, 13]);
});

test('a stream that failed gets no done line, so that no client takes it for complete (G18)', () => {
  const render = ollamaChat.openRenderer(factsOf(parse(ollamaChat, { model: 'm', messages: user })));
  const lines = [
    render({ type: 'text-delta', text: 'half' }),
    render({ type: 'reply-failed', failure: fail('upstream_cut', 'the upstream broke off') }),
  ].join('');
  assert.equal(lines.includes('"done":true'), false);
});

test('tool arguments that are no object cannot be said in this dialect and fail the reply', () => {
  for (const text of ['{"city":', '[1]', '"x"']) {
    const render = ollamaChat.openRenderer(factsOf(parse(ollamaChat, { model: 'm', messages: user })));
    render({ type: 'tool-call-delta', index: 0, id: 'a', name: 'f', arguments: text });
    assert.throws(() => render({ type: 'choice-ended', stop: 'tool_calls' }), {
      code: 'bad_upstream_response',
    });
  }
});

test('a whole answer carries text, thinking, tool calls, log probabilities and counts', () => {
  const logprobs: Json = {
    content: [{ token: 'Hi', logprob: -0.5, bytes: null, top_logprobs: [] }],
    refusal: null,
  };
  const call = parse(ollamaChat, { model: 'm', messages: user, stream: false });
  const body = ollamaChat.renderResult(
    {
      kind: 'text',
      choices: [
        {
          text: 'Hi',
          reasoning: 'Greet.',
          toolCalls: [{ id: 'call_a', name: 'wave', arguments: '{"hand":"left"}' }],
          stop: 'tool_calls',
          logprobs,
        },
      ],
      usage: { inputTokens: 3, outputTokens: 1, loadNs: 5 },
    },
    factsOf(call),
  );
  assert.deepEqual(JSON.parse(body), {
    model: 'gemma',
    created_at: '2026-11-20T10:00:00.000500000Z',
    message: {
      role: 'assistant',
      content: 'Hi',
      thinking: 'Greet.',
      tool_calls: [{ id: 'call_a', function: { index: 0, name: 'wave', arguments: { hand: 'left' } } }],
    },
    done: true,
    done_reason: 'stop',
    total_duration: 500_000,
    load_duration: 5,
    prompt_eval_count: 3,
    prompt_eval_duration: 0,
    eval_count: 1,
    eval_duration: 500_000,
    logprobs: [{ token: 'Hi', logprob: -0.5, bytes: null, top_logprobs: [] }],
  });
});

test('embeddings are answered in the form of the endpoint that was asked', () => {
  const result = {
    kind: 'vectors',
    vectors: [[0.5, -1]],
    usage: { inputTokens: 2, outputTokens: 0, loadNs: 9 },
  } as const;
  const embed = parse(ollamaEmbed, { model: 'm', input: 'x', truncate: true, dimensions: 2 });
  assert.deepEqual(JSON.parse(ollamaEmbed.renderResult(result, factsOf(embed))), {
    model: 'gemma',
    embeddings: [[0.5, -1]],
    total_duration: 500_000,
    load_duration: 9,
    prompt_eval_count: 2,
  });
  const older = parse(ollamaEmbeddings, { model: 'm', prompt: 'x' });
  assert.deepEqual(JSON.parse(ollamaEmbeddings.renderResult(result, factsOf(older))), {
    embedding: [0.5, -1],
  });
});
