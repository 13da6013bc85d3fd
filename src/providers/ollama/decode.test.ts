import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Call } from '../../core/call.ts';
import { Failure } from '../../core/failure.ts';
import type { Part } from '../../core/part.ts';
import { NdjsonFramer, parseLine } from '../../net/ndjson-framer.ts';
import { ollamaAdapter } from './adapter.ts';

const fixtures = new URL('fixtures/', import.meta.url);
const bytesOf = (name: string) => readFileSync(new URL(name, fixtures));
const recorded = (name: string): unknown => JSON.parse(bytesOf(name).toString());

const facts = {
  wire: { dialect: 'openai', endpoint: 'chat', bytes: new Uint8Array(), spans: new Map(), value: {} },
  model: 'm',
  stream: true,
} as const;
const rest = { sampling: {}, engine: {}, wantsUsage: true, extra: {} };
const chat: Call = { kind: 'chat', ...facts, ...rest, messages: [] };
const embed: Call = { kind: 'embed', ...facts, ...rest, input: ['x', 'y'], encoding: 'float' };

function decodeChunks(chunks: readonly Buffer[]): readonly Part[] {
  const decode = ollamaAdapter.openDecoder(chat);
  const framer = new NdjsonFramer(1 << 20);
  const parts: Part[] = [];
  for (const chunk of chunks) framer.push(chunk, (line) => parts.push(...decode(parseLine(line))));
  return parts;
}

const end = { type: 'reply-ended' } as const;

test('a stream of text becomes its pieces, its stop, its counts and its end', () => {
  assert.deepEqual(decodeChunks([bytesOf('chat-stream.ndjson')]), [
    { type: 'text-delta', text: 'Grüße' },
    { type: 'text-delta', text: ' 🌊 to' },
    { type: 'text-delta', text: ' you\n' },
    { type: 'choice-ended', stop: 'stop' },
    {
      type: 'usage',
      usage: {
        inputTokens: 26,
        outputTokens: 282,
        loadNs: 1_334_875,
        promptNs: 342_546_000,
        outputNs: 4_535_599_000,
      },
    },
    end,
  ]);
});

test('streamed tool calls get their place, and an id where the server gave none', () => {
  const [first, second, third, fourth, ended] = decodeChunks([bytesOf('chat-tools.ndjson')]);
  assert.deepEqual(first, { type: 'reasoning-delta', text: 'Two cities,' });
  assert.deepEqual(second, { type: 'reasoning-delta', text: ' two calls.' });
  assert.ok(third?.type === 'tool-call-delta');
  assert.match(third.id ?? '', /^call_[0-9a-f]{24}$/);
  assert.deepEqual(
    { ...third, id: '' },
    {
      type: 'tool-call-delta',
      index: 0,
      id: '',
      name: 'get_weather',
      arguments: '{"city":"Tokyo","format":"celsius"}',
    },
  );
  assert.deepEqual(fourth, {
    type: 'tool-call-delta',
    index: 1,
    id: 'call_x1y2z3',
    name: 'get_weather',
    arguments: '{"city":"Paris"}',
  });
  assert.deepEqual(ended, { type: 'choice-ended', stop: 'tool_calls' });
});

test('the ids we give are the same for the same reply, and differ between calls and between turns', () => {
  const call = { function: { name: 'f', arguments: {} } };
  const ids = (created_at: string) => {
    const reply = { model: 'm', created_at, message: { content: '', tool_calls: [call, call] }, done: true };
    const result = ollamaAdapter.decode(chat, reply);
    return result.kind === 'text' ? (result.choices[0]?.toolCalls ?? []).map(({ id }) => id) : [];
  };
  assert.deepEqual(ids('one'), ids('one'));
  assert.equal(new Set([...ids('one'), ...ids('two')]).size, 4);
});

test('generate speaks through other fields, and its words are the same parts', () => {
  const parts = decodeChunks([bytesOf('generate-stream.ndjson')]);
  assert.deepEqual(parts.slice(0, 3), [
    { type: 'text-delta', text: 'The' },
    { type: 'text-delta', text: ' sky' },
    { type: 'choice-ended', stop: 'length' },
  ]);
});

const streams = readdirSync(fixtures).filter((name) => name.endsWith('.ndjson'));
for (const name of streams) {
  test(`${name} decodes alike however its bytes are cut, and without its last line it has no end (G18)`, () => {
    const bytes = bytesOf(name);
    const whole = decodeChunks([bytes]);
    for (let at = 1; at < bytes.length; at += 1) {
      assert.deepEqual(decodeChunks([bytes.subarray(0, at), bytes.subarray(at)]), whole);
      const cut = decodeChunks([bytes.subarray(0, at)]);
      assert.ok(!cut.some(({ type }) => type === 'reply-ended'), `cut at ${at}`);
    }
    const single = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
    assert.deepEqual(decodeChunks(single), whole);
    const returns = Buffer.from(bytes.toString().replaceAll('\n', '\r\n\r\n'));
    assert.deepEqual(decodeChunks([returns]), whole);
  });
}

test('an error line ends the stream as a failure, never as an answer', () => {
  const parts = decodeChunks([bytesOf('stream-error.ndjson')]);
  const last = parts.at(-1);
  assert.ok(last?.type === 'reply-failed');
  assert.equal(last.failure.code, 'upstream_failed');
  assert.match(last.failure.message, /CUDA error: out of memory/);
  assert.ok(!parts.some(({ type }) => type === 'reply-ended'));
});

const malformed = [
  '{"message":{"content":"x"',
  'data: {"done":true}',
  '[]',
  'null',
  '{}',
  '{"choices":[]}',
  '{"message":{"content":5},"done":false}',
  '{"message":{"content":"","tool_calls":{}},"done":false}',
  '{"message":{"content":"","tool_calls":[{"function":{}}]},"done":false}',
  `<html>${'x'.repeat(5000)}</html>`,
];
for (const line of malformed) {
  test(`the line ${line.slice(0, 60)} is a bad response, shown within bounds`, () => {
    assert.throws(
      () => decodeChunks([Buffer.from(`${line}\n`)]),
      (error) =>
        error instanceof Failure && error.code === 'bad_upstream_response' && error.message.length < 300,
    );
  });
}

test('nothing may come after the end', () => {
  const bytes = bytesOf('chat-stream.ndjson');
  assert.throws(() => decodeChunks([bytes, bytes]), { code: 'bad_upstream_response' });
});

test('any line is parts or a failure', () => {
  const key = fc.constantFrom(
    'message',
    'response',
    'content',
    'tool_calls',
    'function',
    'done',
    'logprobs',
    'error',
  );
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.dictionary(key, fc.jsonValue({ maxDepth: 2 })));
  fc.assert(
    fc.property(fc.dictionary(key, value), (reply) => {
      for (const decode of [
        () => ollamaAdapter.openDecoder(chat)({ event: '', data: JSON.stringify(reply) }),
        () => ollamaAdapter.decode(chat, JSON.parse(JSON.stringify(reply))),
        () => ollamaAdapter.decode(embed, JSON.parse(JSON.stringify(reply))),
      ]) {
        try {
          decode();
        } catch (error) {
          assert.ok(error instanceof Failure && error.blame === 'upstream', String(error));
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('whole replies: tool calls, thinking with log probabilities, loading, unloading', () => {
  const tools = ollamaAdapter.decode(chat, recorded('chat-tools.json'));
  assert.ok(tools.kind === 'text');
  assert.equal(tools.choices[0]?.stop, 'tool_calls');
  assert.equal(tools.choices[0]?.toolCalls?.[0]?.arguments, '{"city":"Tokyo"}');

  const token = { token: 'Hi', logprob: -0.25, bytes: [72, 105] };
  assert.deepEqual(ollamaAdapter.decode(chat, recorded('chat-logprobs.json')), {
    kind: 'text',
    choices: [
      {
        text: 'Hi',
        reasoning: 'Greet.',
        stop: 'length',
        logprobs: {
          content: [{ ...token, top_logprobs: [token, { token: 'Yo', logprob: -1.5, bytes: null }] }],
          refusal: null,
        },
      },
    ],
    usage: { inputTokens: 0, outputTokens: 1, loadNs: 2_154_458, outputNs: 4_799_921_000 },
  });

  for (const stop of ['load', 'unload'] as const) {
    const result = ollamaAdapter.decode(chat, recorded(`${stop}.json`));
    assert.deepEqual(result, { kind: 'text', choices: [{ text: '', stop }], usage: undefined });
  }
});

test('a whole reply that is not done, or is an error with status 200, is no answer (G18)', () => {
  assert.throws(() => ollamaAdapter.decode(chat, { response: 'half', done: false }), {
    code: 'bad_upstream_response',
  });
  assert.throws(() => ollamaAdapter.decode(chat, { error: 'boom' }), { code: 'upstream_failed' });
});

test('vectors come from both embedding endpoints', () => {
  const both = ollamaAdapter.decode(embed, recorded('embed.json'));
  assert.ok(both.kind === 'vectors');
  assert.deepEqual(both.vectors[1], [-0.0098027075, 0.06042469]);
  assert.deepEqual(both.usage, { inputTokens: 8, outputTokens: 0, loadNs: 1_019_500 });
  const one = ollamaAdapter.decode(embed, recorded('embeddings.json'));
  assert.deepEqual(one, {
    kind: 'vectors',
    vectors: [[0.5670403838157654, 0.009260174818336964]],
    usage: undefined,
  });
  assert.throws(() => ollamaAdapter.decode(embed, { embeddings: [['x']] }), {
    code: 'bad_upstream_response',
  });
});

const statuses: readonly (readonly [status: number, body: string, code: string, onWire: number])[] = [
  [404, `{"error":"model 'x' not found"}`, 'upstream_model_missing', 404],
  [404, '404 page not found', 'upstream_failed', 502],
  [400, '{"error":"\\"gemma\\" does not support thinking"}', 'upstream_rejected', 400],
  [400, '{"error":"the input length exceeds the context length"}', 'context_length_exceeded', 400],
  [422, '{"error":"no"}', 'upstream_rejected', 422],
  [401, '{"error":"unauthorized","signin_url":"x"}', 'upstream_unauthorized', 502],
  [403, '{"error":"this model requires a subscription"}', 'upstream_unauthorized', 502],
  [408, '', 'upstream_failed', 502],
  [499, '{"error":"request canceled"}', 'upstream_failed', 502],
  [429, '{"error":"too many"}', 'upstream_rate_limited', 429],
  [
    503,
    '{"error":"server busy, please try again.  maximum pending requests exceeded"}',
    'upstream_overloaded',
    503,
  ],
  [500, '{"error":{"message":"boom"}}', 'upstream_failed', 502],
  [502, `<html>${'y'.repeat(9000)}`, 'upstream_failed', 502],
];
for (const [status, body, code, onWire] of statuses) {
  test(`status ${status} with ${body.slice(0, 50)} is ${code}`, () => {
    const failure = ollamaAdapter.decodeFailure(status, body);
    assert.equal(failure.code, code);
    assert.equal(failure.status, onWire);
    assert.ok(failure.message.length > 0 && failure.message.length <= 200);
  });
}

test('what an upstream says about our key or account is kept for the log (G5)', () => {
  for (const status of [401, 403]) {
    const failure = ollamaAdapter.decodeFailure(status, '{"error":"bad key sk-theirs"}');
    assert.doesNotMatch(failure.message, /sk-theirs/);
    assert.match(String(failure.cause), /sk-theirs/);
  }
});

test('U18: counts that make no sense are left out, or clamped', () => {
  const reply = (counts: string) =>
    ollamaAdapter.decode(chat, JSON.parse(`{"message":{"content":"x"},"done":true,${counts}}`)).usage;
  assert.deepEqual(reply('"prompt_eval_count":1e400,"eval_count":-3'), undefined);
  assert.deepEqual(reply('"prompt_eval_count":1.5,"eval_count":1e300,"load_duration":1e300'), {
    inputTokens: 1,
    outputTokens: 100_000_000,
    loadNs: 86_400_000_000_000,
  });
});
