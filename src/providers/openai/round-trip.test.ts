/** Neutral to OpenAI and back: what one side writes, the other reads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ChatCall, Message, Sampling } from '../../core/call.ts';
import type { Endpoint, ReplyFacts } from '../../core/exchange.ts';
import type { CallResult, Choice, Part } from '../../core/part.ts';
import { parseSse, SseFramer } from '../../net/sse-framer.ts';
import { parseJsonBody } from '../../protocol/json-body.ts';
import { openaiChat } from '../../protocol/openai-chat.ts';
import { openaiCompletions } from '../../protocol/openai-completions.ts';
import { openaiEmbeddings } from '../../protocol/openai-embeddings.ts';
import { openaiAdapter } from './adapter.ts';

const plain = { noNullPrototype: true } as const;
const text = fc.string({ unit: 'grapheme' });
const said = text.filter((value) => value !== '');
const word = fc.string({ minLength: 1, maxLength: 12 });
const toolCall = fc.record({ id: word, name: word, arguments: text }, plain);
const toolCalls = fc.array(toolCall, { minLength: 1, maxLength: 3 });

const part = fc.oneof(
  fc.record({ type: fc.constant('text' as const), text }, plain),
  fc.record(
    {
      type: fc.constant('image' as const),
      url: fc.constant('https://example.com/a.png'),
      detail: fc.constant('low'),
    },
    { ...plain, requiredKeys: ['type', 'url'] },
  ),
);
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record(
    {
      role: fc.constantFrom('system' as const, 'developer' as const, 'user' as const),
      content: fc.oneof(text, fc.array(part, { minLength: 1, maxLength: 3 })),
      name: word,
    },
    { ...plain, requiredKeys: ['role', 'content'] },
  ),
  fc.record(
    { role: fc.constant('assistant' as const), content: text, reasoning: text, toolCalls, name: word },
    { ...plain, requiredKeys: ['role', 'content'] },
  ),
  fc.record({ role: fc.constant('tool' as const), content: text, toolCallId: word }, plain),
);

const sampling: fc.Arbitrary<Sampling> = fc.record(
  {
    maxTokens: fc.nat(),
    temperature: fc.constantFrom(0, 0.7, 2),
    topP: fc.constantFrom(0, 0.5, 1),
    topK: fc.nat(100),
    minP: fc.constantFrom(0, 0.05),
    seed: fc.integer(),
    stop: fc.array(word, { minLength: 1, maxLength: 4 }),
    frequencyPenalty: fc.constantFrom(-2, 0.5),
    presencePenalty: fc.constantFrom(-2, 0.5),
    repeatPenalty: fc.constantFrom(1, 1.1),
    logprobs: fc.boolean(),
    topLogprobs: fc.nat(20),
    choices: fc.integer({ min: 1, max: 8 }),
  },
  { ...plain, requiredKeys: [] },
);

const meaning = fc.record(
  {
    messages: fc.array(message, { minLength: 1, maxLength: 6 }),
    sampling,
    stream: fc.boolean(),
    tools: fc.array(
      fc.record(
        {
          name: word,
          description: text,
          parameters: fc.constant({ type: 'object' }),
          strict: fc.boolean(),
        },
        { ...plain, requiredKeys: ['name'] },
      ),
      { minLength: 1, maxLength: 2 },
    ),
    toolChoice: fc.constantFrom('auto' as const, 'none' as const, 'required' as const, { name: 'f' }),
    parallelToolCalls: fc.boolean(),
    format: fc.constantFrom('json' as const, { schema: { type: 'object' }, name: 'n', strict: true }),
    think: fc.constantFrom('none' as const, 'minimal' as const, 'low' as const, 'high' as const),
  },
  { ...plain, requiredKeys: ['messages', 'sampling', 'stream'] },
);

const foreign = {
  dialect: 'ollama',
  endpoint: 'chat',
  bytes: new Uint8Array(),
  spans: new Map(),
  value: {},
} as const;

test('a neutral chat that is written for OpenAI and read by our own endpoint means the same', () => {
  fc.assert(
    fc.property(meaning, (means) => {
      const call: ChatCall = {
        kind: 'chat',
        wire: foreign,
        model: 'm',
        engine: {},
        extra: {},
        ...means,
        // Usage is always asked for, so that our own counts are right.
        wantsUsage: means.stream,
      };
      const { request } = openaiAdapter.encode(call, 'm');
      const { wire, ...read } = openaiChat.parse(parseJsonBody(Buffer.from(String(request.body))));
      assert.equal(wire.dialect, 'openai');
      const { wire: _, ...expected } = call;
      assert.deepEqual(read, expected);
    }),
  );
});

const bodies = {
  chat: '{"model":"m","messages":[{"role":"user","content":"x"}],"stream_options":{"include_usage":true}}',
  completions: '{"model":"m","prompt":"x","stream_options":{"include_usage":true}}',
  embeddings: '{"model":"m","input":"x"}',
} as const;
const factsOf = (endpoint: Endpoint): ReplyFacts => ({
  id: '1',
  call: endpoint.parse(parseJsonBody(Buffer.from(bodies[endpoint.name as keyof typeof bodies]))),
  model: 'm',
  wallMs: 1e12,
  elapsedMs: () => 1.5,
});

const usage = fc.record(
  {
    inputTokens: fc.nat(1e8),
    outputTokens: fc.nat(1e8),
    cachedTokens: fc.nat(1e8),
    reasoningTokens: fc.nat(1e8),
  },
  { ...plain, requiredKeys: ['inputTokens', 'outputTokens'] },
);
const stop = fc.constantFrom('stop' as const, 'length' as const, 'content_filter' as const);
const logprobs = fc.constant({ content: [{ token: 'x', logprob: -1 }], refusal: null });
const choice: fc.Arbitrary<Choice> = fc.oneof(
  fc.record(
    { text, reasoning: text, refusal: text, logprobs, stop },
    { ...plain, requiredKeys: ['text', 'stop'] },
  ),
  fc.record({ text, toolCalls, stop: fc.constant('tool_calls' as const) }, plain),
);

test('an answer that is written for a client and read by our own adapter is the same', () => {
  const facts = factsOf(openaiChat);
  fc.assert(
    fc.property(fc.array(choice, { minLength: 1, maxLength: 3 }), usage, (choices, counts) => {
      const result: CallResult = { kind: 'text', choices, usage: counts };
      const body = openaiChat.renderResult(result, facts);
      assert.deepEqual(openaiAdapter.decode(facts.call, JSON.parse(body)), result);
    }),
  );
});

const index = fc.nat(2);
const delta: fc.Arbitrary<Part> = fc.oneof(
  fc.record(
    { type: fc.constant('text-delta' as const), text: said, choice: index, logprobs },
    { ...plain, requiredKeys: ['type', 'text', 'choice'] },
  ),
  fc.record({ type: fc.constant('reasoning-delta' as const), text: said, choice: index }, plain),
  fc.record({ type: fc.constant('refusal-delta' as const), text: said, choice: index }, plain),
  fc.record(
    {
      type: fc.constant('tool-call-delta' as const),
      index: fc.nat(3),
      id: word,
      name: word,
      arguments: text,
      choice: index,
    },
    { ...plain, requiredKeys: ['type', 'index', 'choice', 'arguments'] },
  ),
);

function readStream(endpoint: Endpoint, parts: readonly Part[]): readonly Part[] {
  const facts = factsOf(endpoint);
  const bytes = Buffer.from(parts.map(endpoint.openRenderer(facts)).join(''));
  const decode = openaiAdapter.openDecoder(facts.call);
  const read: Part[] = [];
  new SseFramer(1 << 20).push(bytes, (event) => read.push(...decode(parseSse(event))));
  return read;
}

test('a stream that is written for a client and read by our own adapter has the same parts', () => {
  fc.assert(
    fc.property(fc.array(delta, { maxLength: 8 }), stop, usage, (deltas, reason, counts) => {
      const parts: Part[] = [
        ...deltas,
        { type: 'choice-ended', stop: reason, choice: 0 },
        { type: 'usage', usage: counts },
        { type: 'reply-ended' },
      ];
      assert.deepEqual(readStream(openaiChat, parts), parts);
      const texts = parts.filter((entry) => !/^(?:reasoning|refusal|tool)/.test(entry.type));
      assert.deepEqual(readStream(openaiCompletions, texts), texts);
    }),
  );
});

test('vectors that are written for a client and read by our own adapter are the same', () => {
  const single = fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
  const vectors = fc.array(fc.array(single, { minLength: 1 }), { minLength: 1 });
  const { call, ...facts } = factsOf(openaiEmbeddings);
  assert.ok(call.kind === 'embed');
  fc.assert(
    fc.property(vectors, fc.constantFrom('float' as const, 'base64' as const), (list, encoding) => {
      const result: CallResult = {
        kind: 'vectors',
        vectors: list,
        usage: { inputTokens: 3, outputTokens: 0 },
      };
      const body = openaiEmbeddings.renderResult(result, { ...facts, call: { ...call, encoding } });
      assert.deepEqual(openaiAdapter.decode(call, JSON.parse(body)), result);
    }),
  );
});
