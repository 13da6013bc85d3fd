import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Call } from '../../core/call.ts';
import { Failure } from '../../core/failure.ts';
import type { CallResult, Part } from '../../core/part.ts';
import { parseSse, SseFramer } from '../../net/sse-framer.ts';
import { openaiAdapter } from './adapter.ts';

const fixtures = new URL('fixtures/', import.meta.url);
const bytesOf = (name: string) => readFileSync(new URL(name, fixtures));
const recorded = (name: string): unknown => JSON.parse(bytesOf(name).toString());

const facts = {
  wire: { dialect: 'ollama', endpoint: 'chat', bytes: new Uint8Array(), spans: new Map(), value: {} },
  model: 'm',
  stream: true,
} as const;
const rest = { sampling: {}, engine: {}, wantsUsage: true, extra: {} };
const chat: Call = { kind: 'chat', ...facts, ...rest, messages: [] };
const embed: Call = { kind: 'embed', ...facts, ...rest, input: ['x', 'y'], encoding: 'float' };

function decodeChunks(chunks: readonly Buffer[]): readonly Part[] {
  const decode = openaiAdapter.openDecoder(chat);
  const framer = new SseFramer(1 << 20);
  const parts: Part[] = [];
  for (const chunk of chunks) framer.push(chunk, (event) => parts.push(...decode(parseSse(event))));
  return parts;
}

const decodeEvents = (...events: readonly object[]) =>
  decodeChunks(events.map((event) => Buffer.from(`data: ${JSON.stringify(event)}\n\n`)));

const choice = 0;
const ended = (stop: 'stop' | 'length' | 'tool_calls' | 'content_filter', index = choice): Part => ({
  type: 'choice-ended',
  stop,
  choice: index,
});
const done: Part = { type: 'reply-ended' };

const streams: Readonly<Record<string, readonly Part[]>> = {
  'openai-stream.sse': [
    {
      type: 'text-delta',
      text: 'Grüße',
      choice,
      logprobs: {
        content: [{ token: 'Gr', logprob: -0.1, bytes: [71, 114], top_logprobs: [] }],
        refusal: null,
      },
    },
    { type: 'text-delta', text: ' 🌊', choice },
    ended('stop'),
    { type: 'usage', usage: { inputTokens: 19, outputTokens: 10, cachedTokens: 0, reasoningTokens: 3 } },
    done,
  ],
  'openai-stream-tools.sse': [
    {
      type: 'tool-call-delta',
      index: 0,
      choice,
      id: 'call_DdmO9pD3xa9XTPNJ32zg2hcA',
      name: 'get_weather',
      arguments: '',
    },
    { type: 'tool-call-delta', index: 0, choice, arguments: '{"location":' },
    { type: 'tool-call-delta', index: 0, choice, arguments: '"Paris"}' },
    { type: 'tool-call-delta', index: 1, choice, id: 'call_2', name: 'now', arguments: '{}' },
    ended('tool_calls'),
    done,
  ],
  'vllm-stream-reasoning.sse': [
    { type: 'reasoning-delta', text: 'Compare', choice },
    { type: 'text-delta', text: '9.8', choice },
    ended('length'),
    { type: 'usage', usage: { inputTokens: 20, outputTokens: 4 } },
    done,
  ],
  'llamacpp-stream.sse': [
    { type: 'reasoning-delta', text: 'A greeting.', choice },
    { type: 'text-delta', text: 'Hello', choice },
    ended('stop'),
    { type: 'usage', usage: { inputTokens: 9, outputTokens: 10 } },
    done,
  ],
  'refusal-stream.sse': [
    { type: 'refusal-delta', text: "I'm sorry.", choice },
    ended('content_filter'),
    done,
  ],
  'completion-stream.sse': [
    { type: 'text-delta', text: 'This', choice },
    { type: 'text-delta', text: ' too', choice: 1 },
    ended('stop'),
    ended('length', 1),
    done,
  ],
};

for (const [name, parts] of Object.entries(streams)) {
  test(`${name} is read as its parts, whatever the pieces it comes in`, () => {
    const bytes = bytesOf(name);
    assert.deepEqual(decodeChunks([bytes]), parts);
    assert.deepEqual(decodeChunks(Array.from(bytes, (byte) => Buffer.of(byte))), parts);
    const cuts = fc.uniqueArray(fc.nat(bytes.length), { maxLength: 20 });
    fc.assert(
      fc.property(cuts, (places) => {
        const at = [0, ...places.sort((one, other) => one - other), bytes.length];
        const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        assert.deepEqual(decodeChunks(pieces), parts);
      }),
      { numRuns: 50 },
    );
  });
}

test('every recorded stream is read here', () => {
  const names = readdirSync(fixtures).filter((name) => name.endsWith('.sse'));
  assert.deepEqual(names, [...Object.keys(streams), 'lmstudio-stream-error.sse'].sort());
});

test('a stream cut at any byte before its marker is never complete (G18)', () => {
  for (const name of Object.keys(streams)) {
    const bytes = bytesOf(name);
    const marker = bytes.indexOf('data: [DONE]');
    for (const cut of [marker, marker + 11, Math.floor(marker / 2)]) {
      assert.ok(decodeChunks([bytes.subarray(0, cut)]).every((part) => part.type !== 'reply-ended'));
    }
  }
});

test('a marker without a finish reason is a cut that a proxy has tidied up (G18)', () => {
  const text = 'data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\ndata: [DONE]\n\n';
  assert.throws(() => decodeChunks([Buffer.from(text)]), { code: 'upstream_cut' });
});

test('an error within a stream is its failure, by event name or by field', () => {
  const parts = decodeChunks([bytesOf('lmstudio-stream-error.sse')]);
  assert.equal(parts.length, 2);
  const [, failed] = parts;
  assert.ok(failed?.type === 'reply-failed');
  assert.equal(failed.failure.code, 'upstream_failed');
  assert.match(failed.failure.message, /The model has crashed/);
});

/** As llama.cpp, vLLM (now and before), LiteLLM and OpenRouter write them. */
const streamErrors: readonly (readonly [event: object, code: string, shown: RegExp])[] = [
  [{ error: { code: 500, message: 'slot failed', type: 'server_error' } }, 'upstream_failed', /slot failed/],
  [{ error: 'boom' }, 'upstream_failed', /boom/],
  [
    { object: 'error', message: 'bad seed', type: 'BadRequestError', param: 'seed', code: 400 },
    'upstream_rejected',
    /^bad seed$/,
  ],
  [
    { error: { code: 400, message: 'too long', type: 'exceed_context_size_error' } },
    'context_length_exceeded',
    /too long/,
  ],
  [
    { error: { message: 'Incorrect API key provided: sk-theirs', type: 'auth_error', code: '401' } },
    'upstream_unauthorized',
    /gateway's credentials/,
  ],
  [{ error: { code: 429, message: 'slow down, org-123' } }, 'upstream_rate_limited', /limits the gateway/],
];
for (const [event, code, shown] of streamErrors) {
  test(`${JSON.stringify(event)} within a stream is ${code}`, () => {
    const [part] = decodeEvents(event);
    assert.ok(part?.type === 'reply-failed');
    assert.equal(part.failure.code, code);
    assert.match(part.failure.message, shown);
    assert.doesNotMatch(part.failure.message, /sk-|org-/);
  });
}

test('events that say nothing have no parts', () => {
  assert.deepEqual(
    decodeEvents(
      { choices: [], prompt_filter_results: [] },
      { choices: [{ index: 0, delta: {}, finish_reason: null }], usage: null, error: null },
      {},
    ),
    [],
  );
});

const brokenEvents = ['{', '[]', '"x"', 'null', '{"choices":[1]}'];
for (const data of brokenEvents) {
  test(`the event ${data} is a bad response`, () => {
    assert.throws(() => decodeChunks([Buffer.from(`data: ${data}\n\n`)]), { code: 'bad_upstream_response' });
  });
}

const usage = (inputTokens: number, outputTokens: number, more = {}) => ({
  inputTokens,
  outputTokens,
  ...more,
});
const wholes: Readonly<Record<string, CallResult>> = {
  'openai-chat.json': {
    kind: 'text',
    choices: [{ text: 'Grüße 🌊', stop: 'stop' }],
    usage: usage(1117, 46, { cachedTokens: 1024, reasoningTokens: 12, serviceTier: 'default' }),
  },
  'openai-chat-tools.json': {
    kind: 'text',
    choices: [
      {
        text: '',
        stop: 'tool_calls',
        toolCalls: [
          { id: 'call_abc123', name: 'get_current_weather', arguments: '{\n"location": "Boston, MA"\n}' },
          { id: 'call_def456', name: 'now', arguments: '' },
        ],
      },
    ],
    usage: usage(82, 17),
  },
  'openai-chat-refusal.json': {
    kind: 'text',
    choices: [{ text: '', refusal: "I'm sorry, I cannot assist with that request.", stop: 'content_filter' }],
    usage: usage(81, 11),
  },
  'openai-completion.json': {
    kind: 'text',
    choices: [{ text: '\n\nThis is indeed a test', stop: 'length' }],
    usage: usage(5, 7),
  },
  'vllm-chat-reasoning.json': {
    kind: 'text',
    choices: [{ text: '9.8 is greater.', reasoning: 'Compare the decimals.', stop: 'stop' }],
    usage: usage(20, 40),
  },
  'llamacpp-chat.json': {
    kind: 'text',
    choices: [{ text: 'Hello!', reasoning: 'A greeting.', stop: 'stop' }],
    usage: usage(9, 10),
  },
  'lmstudio-chat-tools.json': {
    kind: 'text',
    choices: [
      {
        text: '',
        stop: 'tool_calls',
        toolCalls: [{ id: '365174485', name: 'get_delivery_date', arguments: '{"order_id":"123"}' }],
      },
    ],
    usage: usage(263, 34),
  },
};
for (const [name, result] of Object.entries(wholes)) {
  test(`${name} is read as its result`, () => {
    assert.deepEqual(openaiAdapter.decode(chat, recorded(name)), result);
  });
}

test('log probabilities ride along as they are', () => {
  const body = recorded('openai-chat-logprobs.json') as { choices: { logprobs: unknown }[] };
  const result = openaiAdapter.decode(chat, body);
  assert.ok(result.kind === 'text');
  assert.deepEqual(result.choices[0]?.logprobs, body.choices[0]?.logprobs);
});

test('vectors are read as numbers and in base64', () => {
  assert.deepEqual(openaiAdapter.decode(embed, recorded('openai-embeddings.json')), {
    kind: 'vectors',
    vectors: [
      [0.5, -0.25, 0.125],
      [0.5, -0.25, 0.125],
    ],
    usage: usage(8, 0),
  });
});

test('arguments that come as an object, and calls without an id, are still calls', () => {
  const message = { tool_calls: [{ id: '', function: { name: 'f', arguments: { a: 1 } } }] };
  const whole = openaiAdapter.decode(chat, { choices: [{ message }] });
  assert.ok(whole.kind === 'text');
  assert.deepEqual(whole.choices[0]?.toolCalls, [{ id: 'call_0', name: 'f', arguments: '{"a":1}' }]);
  const entry = { index: 0, id: '', function: { name: 'f', arguments: { a: 1 } } };
  assert.deepEqual(decodeEvents({ choices: [{ index: 0, delta: { tool_calls: [entry] } }] }), [
    { type: 'tool-call-delta', index: 0, choice, name: 'f', arguments: '{"a":1}' },
  ]);
});

const lyingCounts: readonly (readonly [given: object, told: object])[] = [
  [{ prompt_tokens: -5, completion_tokens: 1e30 }, usage(0, 100_000_000)],
  [{ prompt_tokens: 1.9, completion_tokens: '7' }, usage(1, 0)],
  [{ prompt_tokens: null, completion_tokens: [] }, usage(0, 0)],
  [
    {
      prompt_tokens: 1,
      completion_tokens: 2,
      prompt_tokens_details: { cached_tokens: -1 },
      completion_tokens_details: { reasoning_tokens: 1e12 },
    },
    usage(1, 2, { cachedTokens: 0, reasoningTokens: 100_000_000 }),
  ],
];
for (const [given, told] of lyingCounts) {
  test(`U18: usage ${JSON.stringify(given)} is taken within reason`, () => {
    const choices = [{ message: { content: 'x' }, finish_reason: 'stop' }];
    assert.deepEqual(openaiAdapter.decode(chat, { choices, usage: given }).usage, told);
    assert.deepEqual(decodeEvents({ choices: [], usage: given }), [{ type: 'usage', usage: told }]);
  });
}

const brokenAnswers: readonly (readonly [body: unknown, code: string])[] = [
  [null, 'bad_upstream_response'],
  [[], 'bad_upstream_response'],
  [{}, 'bad_upstream_response'],
  [{ choices: [] }, 'bad_upstream_response'],
  [{ choices: [{}] }, 'bad_upstream_response'],
  [{ choices: ['x'] }, 'bad_upstream_response'],
  [{ choices: [{ message: { tool_calls: [{}] } }] }, 'bad_upstream_response'],
  [{ error: { message: 'no' } }, 'upstream_failed'],
  [{ error: 'Unexpected endpoint or method.' }, 'upstream_failed'],
  [{ error: { code: 402, message: 'sk-theirs has no credits' }, user_id: 'x' }, 'upstream_rate_limited'],
];
for (const [body, code] of brokenAnswers) {
  test(`the answer ${JSON.stringify(body)} is ${code}`, () => {
    assert.throws(
      () => openaiAdapter.decode(chat, body),
      (thrown) => thrown instanceof Failure && thrown.code === code && !thrown.message.includes('sk-'),
    );
  });
}

for (const embedding of [undefined, 'AAA=', '', ['x'], [null]]) {
  test(`${JSON.stringify(embedding)} is no vector`, () => {
    assert.throws(() => openaiAdapter.decode(embed, { data: [{ embedding }] }), {
      code: 'bad_upstream_response',
    });
  });
}
