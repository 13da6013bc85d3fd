/** What is collected of a recorded stream is what the same answer would have been, had it been told whole. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import type { Adapter } from '../../src/core/adapter.ts';
import type { Call } from '../../src/core/call.ts';
import type { CallResult, Part } from '../../src/core/part.ts';
import { NdjsonFramer, parseLine } from '../../src/net/ndjson-framer.ts';
import { parseSse, SseFramer } from '../../src/net/sse-framer.ts';
import { AnswerCollector } from '../../src/pipeline/answer-collector.ts';
import { ollamaAdapter } from '../../src/providers/ollama/adapter.ts';
import { openaiAdapter } from '../../src/providers/openai/adapter.ts';

const call: Call = {
  kind: 'chat',
  wire: { dialect: 'simple', endpoint: 'chat', bytes: new Uint8Array(), spans: new Map(), value: {} },
  model: 'm',
  stream: false,
  messages: [],
  sampling: {},
  engine: {},
  wantsUsage: false,
  extra: {},
};

const folder = (name: string) => new URL(`../../src/providers/${name}/fixtures/`, import.meta.url);
const openaiBytes = (name: string) => readFileSync(new URL(name, folder('openai')));
const ollamaBytes = (name: string) => readFileSync(new URL(name, folder('ollama')));

/** Cut anywhere, as networks cut. */
function collect(adapter: Adapter, bytes: Buffer, cuts: readonly number[] = []): CallResult {
  const decode = adapter.openDecoder(call);
  const sse = adapter.framing === 'sse';
  const framer = sse ? new SseFramer(1 << 20) : new NdjsonFramer(1 << 20);
  const collector = new AnswerCollector(1 << 20);
  const marks = [0, ...[...cuts].sort((one, other) => one - other), bytes.length];
  for (const [at, end] of marks.slice(1).entries()) {
    framer.push(bytes.subarray(marks[at], end), (frame) => {
      for (const part of decode(sse ? parseSse(frame) : parseLine(frame))) collector.add(part);
    });
  }
  return collector.result();
}

/** As OpenAI's own library puts a stream together. */
async function joinedByLibrary(bytes: Buffer): Promise<unknown> {
  const events = bytes
    .toString()
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'));
  const lines = events.map((event) => `${event.slice('data: '.length)}\n`).join('');
  const stream = ChatCompletionStream.fromReadableStream(new Blob([lines]).stream());
  return JSON.parse(JSON.stringify(await stream.finalChatCompletion()));
}

for (const name of [
  'openai-stream.sse',
  'openai-stream-tools.sse',
  'refusal-stream.sse',
  'llamacpp-stream.sse',
  'vllm-stream-reasoning.sse',
]) {
  test(`${name} is collected to what OpenAI's own library makes of it`, async () => {
    const bytes = openaiBytes(name);
    assert.deepEqual(collect(openaiAdapter, bytes), openaiAdapter.decode(call, await joinedByLibrary(bytes)));
  });
}

test('two choices of a completion are told apart, each with its own end', () => {
  const collected = collect(openaiAdapter, openaiBytes('completion-stream.sse'));
  const choices = [
    { text: 'This', stop: 'stop' },
    { text: ' too', stop: 'length' },
  ];
  assert.deepEqual(collected, { kind: 'text', choices, usage: undefined });
});

interface Line {
  readonly message?: {
    readonly content: string;
    readonly thinking?: string;
    readonly tool_calls?: readonly object[];
  };
  readonly response?: string;
}

/** The last line has everything but the words: those of all lines belong to it. */
function joinedByHand(bytes: Buffer): unknown {
  const lines = bytes
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const messages = lines.flatMap(({ message }) => message ?? []);
  const last = lines.at(-1);
  if (messages.length === 0) return { ...last, response: lines.map(({ response }) => response).join('') };
  const message = {
    role: 'assistant',
    content: messages.map(({ content }) => content).join(''),
    thinking: messages.map(({ thinking = '' }) => thinking).join(''),
    tool_calls: messages.flatMap(({ tool_calls: calls = [] }) => calls),
  };
  return { ...last, message };
}

/** Servers that give calls no id get one of ours, which hangs on the line that the call stood in. */
const withoutIds = (result: CallResult): unknown =>
  JSON.parse(JSON.stringify(result, (key, value: unknown) => (key === 'id' ? undefined : value)));

for (const name of ['chat-stream.ndjson', 'chat-tools.ndjson', 'generate-stream.ndjson']) {
  test(`${name} is collected to what it would have been in one`, () => {
    const bytes = ollamaBytes(name);
    const whole = ollamaAdapter.decode(call, joinedByHand(bytes));
    assert.deepEqual(withoutIds(collect(ollamaAdapter, bytes)), withoutIds(whole));
  });
}

test('however a stream is cut on its way, the same is collected', () => {
  const streams = [
    ...readdirSync(folder('openai')).map((name) => ({ adapter: openaiAdapter, name, read: openaiBytes })),
    ...readdirSync(folder('ollama')).map((name) => ({ adapter: ollamaAdapter, name, read: ollamaBytes })),
  ].filter(({ name }) => /stream|tools\.ndjson/.test(name) && !name.includes('error'));
  assert.equal(streams.length, 9);
  for (const { adapter, name, read } of streams) {
    const bytes = read(name);
    const expected = collect(adapter, bytes);
    const cuts = fc.array(fc.nat(bytes.length), { maxLength: 12 });
    fc.assert(fc.property(cuts, (at) => assert.deepEqual(collect(adapter, bytes, at), expected)));
  }
});

const delta = (fields: Partial<Part> & { readonly type: 'text-delta' | 'tool-call-delta' }) => fields as Part;

test('lists of tokens go on from piece to piece, those of pieces without text included', () => {
  const collector = new AnswerCollector(10_000);
  const token = (text: string) => ({ content: [{ token: text, logprob: -1, bytes: [1] }], refusal: null });
  collector.add(delta({ type: 'text-delta', text: '', logprobs: token('half') }));
  collector.add(delta({ type: 'text-delta', text: 'é', logprobs: token('other half') }));
  collector.add({ type: 'choice-ended', stop: 'stop' });
  const result = collector.result();
  assert.ok(result.kind === 'text');
  const content = [...token('half').content, ...token('other half').content];
  assert.deepEqual(result.choices[0]?.logprobs, { content, refusal: null });
});

test('a token that is a part of a character keeps its logprobs, though it has no text', () => {
  const logprobs = {
    content: [{ token: '\\xf0', logprob: -1, bytes: [240], top_logprobs: [] }],
    refusal: null,
  };
  const event = { choices: [{ index: 0, delta: { content: '' }, logprobs, finish_reason: null }] };
  const parts = openaiAdapter.openDecoder(call)({ event: '', data: JSON.stringify(event) });
  assert.deepEqual(parts, [{ type: 'text-delta', text: '', choice: 0, logprobs }]);
});

test('U14: what is collected is bounded, in text, in logprobs, and in the things that are begun', () => {
  const floods: readonly ((at: number) => Part)[] = [
    () => ({ type: 'text-delta', text: 'x'.repeat(100) }),
    () => ({ type: 'reasoning-delta', text: 'x'.repeat(100) }),
    () => ({ type: 'text-delta', text: '', logprobs: { content: ['x'.repeat(100)] } }),
    (at) => ({ type: 'choice-ended', stop: 'stop', choice: at }),
    (at) => ({ type: 'tool-call-delta', index: at }),
  ];
  for (const flood of floods) {
    const collector = new AnswerCollector(10_000);
    const pour = () => {
      for (let at = 0; at < 200; at += 1) collector.add(flood(at));
    };
    assert.throws(pour, { code: 'response_too_large' });
  }
});

test('G18: a choice without an end, or a tool call without a name, is no answer', () => {
  const halves = new AnswerCollector(1_000);
  halves.add({ type: 'choice-ended', stop: 'stop', choice: 0 });
  halves.add({ type: 'text-delta', text: 'and', choice: 1 });
  assert.throws(() => halves.result(), { code: 'upstream_cut' });
  const nameless = new AnswerCollector(1_000);
  nameless.add({ type: 'tool-call-delta', index: 0, arguments: '{}' });
  nameless.add({ type: 'choice-ended', stop: 'tool_calls' });
  assert.throws(() => nameless.result(), { code: 'bad_upstream_response' });
});
