/** Neutral to Ollama and back: what one side writes, the other reads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ChatCall, JsonObject, Message, Sampling } from '../../core/call.ts';
import type { ReplyFacts } from '../../core/exchange.ts';
import type { CallResult, Part } from '../../core/part.ts';
import { parseJsonBody } from '../../protocol/json-body.ts';
import { ollamaChat } from '../../protocol/ollama-chat.ts';
import { ollamaEmbed } from '../../protocol/ollama-embed.ts';
import { ollamaGenerate } from '../../protocol/ollama-generate.ts';
import { ollamaAdapter } from './adapter.ts';

const text = fc.string({ unit: 'grapheme' });
const word = fc.string({ minLength: 1, maxLength: 12 });
const id = fc.uuid().map((uuid) => `call_${uuid}`);
const plain = { noNullPrototype: true } as const;
const args = fc
  .dictionary(
    word.filter((key) => key !== '__proto__'),
    fc.oneof(text, fc.integer(), fc.boolean()),
    plain,
  )
  .map((value) => JSON.stringify(value));
const toolCall = fc.record({ id, name: word, arguments: args }, plain);
const toolCalls = fc.uniqueArray(toolCall, { selector: (call) => call.id, minLength: 1, maxLength: 3 });

const image = fc
  .base64String({ minLength: 8 })
  .map((data) => ({ type: 'image' as const, url: `data:image/png;base64,iVBORw0KGgo${data}` }));
const pictured = fc
  .tuple(
    text.filter((value) => value !== ''),
    fc.array(image, { minLength: 1, maxLength: 2 }),
  )
  .map(([said, images]) => [{ type: 'text' as const, text: said }, ...images]);

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record(
    { role: fc.constantFrom('system' as const, 'user' as const), content: fc.oneof(text, pictured) },
    plain,
  ),
  fc.record(
    { role: fc.constant('assistant' as const), content: text, reasoning: text, toolCalls },
    { ...plain, requiredKeys: ['role', 'content'] },
  ),
  fc.record({ role: fc.constant('tool' as const), content: text, toolCallId: id, name: word }, plain),
);

const sampling: fc.Arbitrary<Sampling> = fc.record(
  {
    maxTokens: fc.integer({ min: 1, max: 1e6 }),
    temperature: fc.integer({ min: 0, max: 20 }).map((tenths) => tenths / 10),
    topP: fc.constantFrom(0, 0.5, 1),
    topK: fc.nat(100),
    minP: fc.constantFrom(0, 0.05),
    seed: fc.nat(),
    stop: fc.array(word, { minLength: 1, maxLength: 4 }),
    frequencyPenalty: fc.constantFrom(-2, 0.5),
    presencePenalty: fc.constantFrom(-2, 0.5),
    repeatPenalty: fc.constantFrom(1, 1.1),
    logprobs: fc.boolean(),
    topLogprobs: fc.nat(20),
  },
  { ...plain, requiredKeys: [] },
);

const meaning = fc.record(
  {
    messages: fc.array(message, { maxLength: 6 }),
    sampling,
    stream: fc.boolean(),
    engine: fc.record(
      { keepAlive: fc.constantFrom('5m', 0, -1), options: fc.constant({ num_ctx: 4096, use_mmap: true }) },
      { ...plain, requiredKeys: [] },
    ),
    tools: fc.array(
      fc.record(
        { name: word, description: text, parameters: fc.constant<JsonObject>({ type: 'object' }) },
        plain,
      ),
      { minLength: 1, maxLength: 2 },
    ),
    format: fc.constantFrom('json' as const, { schema: { type: 'object' } }),
    think: fc.constantFrom(true, false, 'low' as const, 'medium' as const, 'high' as const),
  },
  { ...plain, requiredKeys: ['messages', 'sampling', 'stream', 'engine'] },
);

const foreign = {
  dialect: 'openai',
  endpoint: 'chat',
  bytes: new Uint8Array(),
  spans: new Map(),
  value: {},
} as const;

test('a neutral chat that is written for Ollama and read by our own endpoint means the same', () => {
  fc.assert(
    fc.property(meaning, (said) => {
      const call: ChatCall = {
        kind: 'chat',
        wire: foreign,
        model: 'm',
        wantsUsage: true,
        extra: {},
        ...said,
      };
      const { request } = ollamaAdapter.encode(call, 'm');
      const { wire, ...read } = ollamaChat.parse(parseJsonBody(Buffer.from(String(request.body))));
      assert.equal(wire.dialect, 'ollama');
      const { wire: _, ...expected } = call;
      assert.deepEqual(read, expected);
    }),
  );
});

const asked = (endpoint: typeof ollamaChat) =>
  endpoint.parse(
    parseJsonBody(Buffer.from('{"model":"m","prompt":"x","input":"x","messages":[{"role":"user"}]}')),
  );
const factsOf = (endpoint: typeof ollamaChat): ReplyFacts => ({
  id: '1',
  call: asked(endpoint),
  model: 'm',
  wallMs: 1e12,
  elapsedMs: () => 1.5,
});

/** As many as are believed. */
const tokens = fc.nat(100_000_000);
const usage = fc.record(
  { inputTokens: tokens, outputTokens: tokens, loadNs: fc.nat(), promptNs: fc.nat(), outputNs: fc.nat() },
  plain,
);
const stop = fc.constantFrom('stop' as const, 'length' as const);
const choice = fc.oneof(
  fc.record(
    { text, reasoning: text.filter((value) => value !== ''), stop },
    { ...plain, requiredKeys: ['text', 'stop'] },
  ),
  fc.record({ text, toolCalls, stop: fc.constant('tool_calls' as const) }, plain),
);

test('an answer that is written for a client and read by our own adapter is the same', () => {
  fc.assert(
    fc.property(choice, usage, fc.constantFrom(ollamaChat, ollamaGenerate), (said, counts, endpoint) => {
      const result: CallResult = { kind: 'text', choices: [said], usage: counts };
      const body = endpoint.renderResult(result, factsOf(endpoint));
      assert.deepEqual(ollamaAdapter.decode(asked(endpoint), JSON.parse(body)), result);
    }),
  );
});

const delta: fc.Arbitrary<Part> = fc.record(
  {
    type: fc.constantFrom('text-delta' as const, 'reasoning-delta' as const),
    text: text.filter((value) => value !== ''),
  },
  plain,
);

test('a stream that is written for a client and read by our own adapter has the same parts', () => {
  fc.assert(
    fc.property(
      fc.array(delta, { maxLength: 8 }),
      fc.option(toolCalls),
      fc.tuple(usage, fc.constantFrom(ollamaChat, ollamaGenerate)),
      (deltas, calls, [counts, endpoint]) => {
        const toolParts = (calls ?? []).map(
          (call, index): Part => ({ type: 'tool-call-delta', index, ...call }),
        );
        const parts: Part[] = [
          ...deltas,
          ...toolParts,
          { type: 'choice-ended', stop: calls === null ? 'stop' : 'tool_calls' },
          { type: 'usage', usage: counts },
          { type: 'reply-ended' },
        ];
        const lines = parts
          .map(endpoint.openRenderer(factsOf(endpoint)))
          .join('')
          .split('\n');
        const decode = ollamaAdapter.openDecoder(asked(endpoint));
        assert.deepEqual(
          lines.flatMap((data) => decode({ event: '', data })),
          parts,
        );
      },
    ),
  );
});

test('vectors that are written for a client and read by our own adapter are the same', () => {
  const vectors = fc.array(
    fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)),
  );
  fc.assert(
    fc.property(vectors, (list) => {
      const result: CallResult = { kind: 'vectors', vectors: list, usage: undefined };
      const body = ollamaEmbed.renderResult(result, factsOf(ollamaEmbed));
      assert.deepEqual(ollamaAdapter.decode(asked(ollamaEmbed), JSON.parse(body)), result);
    }),
  );
});
