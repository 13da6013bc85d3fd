/** What OpenAI's endpoints write, to the byte. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint, ReplyFacts } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import type { CallResult, Part, StopReason } from '../core/part.ts';
import { parseJsonBody } from './json-body.ts';
import { openaiChat } from './openai-chat.ts';
import { openaiCompletions } from './openai-completions.ts';
import { openaiEmbeddings } from './openai-embeddings.ts';

const factsOf = (endpoint: Endpoint, fields: object = {}): ReplyFacts => ({
  id: '01',
  call: endpoint.parse(
    parseJsonBody(
      Buffer.from(
        JSON.stringify({
          model: 'm',
          messages: [{ role: 'user', content: 'x' }],
          prompt: 'x',
          input: 'x',
          ...fields,
        }),
      ),
    ),
  ),
  model: 'm',
  wallMs: 1_700_000_000_999,
  elapsedMs: () => 1,
});

const text = (choices: Extract<CallResult, { kind: 'text' }>['choices']): CallResult => ({
  kind: 'text',
  choices,
  usage: { inputTokens: 3, outputTokens: 4, cachedTokens: 1, reasoningTokens: 2 },
});
const usage =
  '{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,' +
  '"prompt_tokens_details":{"cached_tokens":1},"completion_tokens_details":{"reasoning_tokens":2}}';

const head = '"id":"chatcmpl-01","object":"chat.completion","created":1700000000,"model":"m"';
const chunkHead = head.replace('completion"', 'completion.chunk"');
const completionHead = '"id":"cmpl-01","object":"text_completion","created":1700000000,"model":"m"';

test('a whole chat, with two choices', () => {
  const result = text([
    { text: 'a', stop: 'length' },
    { text: 'b', reasoning: 'r', stop: 'stop', logprobs: { content: [] } },
  ]);
  assert.equal(
    openaiChat.renderResult(result, factsOf(openaiChat)),
    `{${head},"choices":[` +
      '{"index":0,"message":{"role":"assistant","content":"a","refusal":null},"logprobs":null,"finish_reason":"length"},' +
      '{"index":1,"message":{"role":"assistant","content":"b","refusal":null,"reasoning_content":"r"},' +
      `"logprobs":{"content":[]},"finish_reason":"stop"}],"usage":${usage}}`,
  );
});

test('a whole chat that calls a tool has no content', () => {
  const result = text([
    { text: '', stop: 'tool_calls', toolCalls: [{ id: 'c', name: 'f', arguments: '{"a":1}' }] },
  ]);
  assert.equal(
    openaiChat.renderResult(result, factsOf(openaiChat)),
    `{${head},"choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,` +
      '"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\\"a\\":1}"}}]},' +
      `"logprobs":null,"finish_reason":"tool_calls"}],"usage":${usage}}`,
  );
});

test('an answer without counts counts nothing', () => {
  const body = openaiChat.renderResult({ kind: 'text', choices: [], usage: undefined }, factsOf(openaiChat));
  assert.match(body, /"usage":\{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0\}/);
});

const parts: readonly Part[] = [
  { type: 'reasoning-delta', text: 'r' },
  { type: 'text-delta', text: 'a', logprobs: { content: [] } },
  { type: 'refusal-delta', text: 'n', choice: 1 },
  { type: 'tool-call-delta', index: 0, id: 'c', name: 'f', arguments: '' },
  { type: 'tool-call-delta', index: 0, arguments: '{}' },
  { type: 'choice-ended', stop: 'tool_calls' },
  { type: 'usage', usage: { inputTokens: 3, outputTokens: 4, cachedTokens: 1, reasoningTokens: 2 } },
  { type: 'reply-failed', failure: fail('upstream_cut', 'gone') },
  { type: 'reply-ended' },
];
const chunk = (choice: string, more = '') => `data: {${chunkHead},"choices":[${choice}]${more}}\n\n`;
const choice = (index: number, delta: string, rest = '"logprobs":null,"finish_reason":null') =>
  `{"index":${index},"delta":{${delta}},${rest}}`;
const role = '"role":"assistant","content":""';
const chatChunks = [
  choice(0, `${role},"reasoning_content":"r"`),
  choice(0, '"content":"a"', '"logprobs":{"content":[]},"finish_reason":null'),
  choice(1, `${role},"refusal":"n"`),
  choice(0, '"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":""}}]'),
  choice(0, '"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]'),
  choice(0, '', '"logprobs":null,"finish_reason":"tool_calls"'),
];

test('a streamed chat, each choice with its role first', () => {
  assert.equal(
    parts.map(openaiChat.openRenderer(factsOf(openaiChat))).join(''),
    `${chatChunks.map((each) => chunk(each)).join('')}data: [DONE]\n\n`,
  );
});

test('a streamed chat that was asked for usage says null until it has it', () => {
  const facts = factsOf(openaiChat, { stream_options: { include_usage: true } });
  assert.equal(
    parts.map(openaiChat.openRenderer(facts)).join(''),
    `${chatChunks.map((each) => chunk(each, ',"usage":null')).join('')}` +
      `${chunk('', `,"usage":${usage}`)}data: [DONE]\n\n`,
  );
});

test('a completion, whole and streamed', () => {
  const result = text([{ text: 'a', stop: 'stop' }]);
  assert.equal(
    openaiCompletions.renderResult(result, factsOf(openaiCompletions)),
    `{${completionHead},"choices":[{"index":0,"text":"a","logprobs":null,"finish_reason":"stop"}],"usage":${usage}}`,
  );
  const streamed = (text: string, rest: string) =>
    `data: {${completionHead},"choices":[{"index":0,"text":"${text}",${rest}}]}\n\n`;
  assert.equal(
    parts
      .filter((part) => part.type !== 'refusal-delta')
      .map(openaiCompletions.openRenderer(factsOf(openaiCompletions)))
      .join(''),
    streamed('a', '"logprobs":{"content":[]},"finish_reason":null') +
      streamed('', '"logprobs":null,"finish_reason":"tool_calls"') +
      'data: [DONE]\n\n',
  );
});

test('embeddings, as numbers and as base64', () => {
  const result: CallResult = {
    kind: 'vectors',
    vectors: [[0.5, -0.25]],
    usage: { inputTokens: 2, outputTokens: 0 },
  };
  const body = (embedding: string) =>
    `{"object":"list","data":[{"object":"embedding","index":0,"embedding":${embedding}}],"model":"m",` +
    '"usage":{"prompt_tokens":2,"total_tokens":2}}';
  assert.equal(openaiEmbeddings.renderResult(result, factsOf(openaiEmbeddings)), body('[0.5,-0.25]'));
  const packed = factsOf(openaiEmbeddings, { encoding_format: 'base64' });
  assert.equal(openaiEmbeddings.renderResult(result, packed), body('"AAAAPwAAgL4="'));
});

const reasons: Readonly<Record<StopReason, string>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  content_filter: 'content_filter',
  load: 'stop',
  unload: 'stop',
};
for (const [stop, reason] of Object.entries(reasons)) {
  test(`the reason ${stop} is ${reason} in OpenAI's words`, () => {
    const said = text([{ text: 'a', stop: stop as StopReason }]);
    for (const endpoint of [openaiChat, openaiCompletions]) {
      assert.match(endpoint.renderResult(said, factsOf(endpoint)), new RegExp(`"finish_reason":"${reason}"`));
      const part: Part = { type: 'choice-ended', stop: stop as StopReason };
      const line = endpoint.openRenderer(factsOf(endpoint))(part);
      assert.match(line, new RegExp(`"finish_reason":"${reason}"`));
    }
  });
}

test('an answer of the other kind is our own mistake', () => {
  const vectors: CallResult = { kind: 'vectors', vectors: [], usage: undefined };
  for (const endpoint of [openaiChat, openaiCompletions]) {
    assert.throws(() => endpoint.renderResult(vectors, factsOf(endpoint)), TypeError);
  }
  assert.throws(() => openaiEmbeddings.renderResult(text([]), factsOf(openaiEmbeddings)), TypeError);
});
