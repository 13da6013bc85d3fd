/** What OpenAI's endpoints read, and how they name what they refuse. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatCall, CompleteCall, EmbedCall } from '../core/call.ts';
import type { Endpoint } from '../core/exchange.ts';
import { Failure } from '../core/failure.ts';
import { parseJsonBody } from './json-body.ts';
import { openaiChat } from './openai-chat.ts';
import { openaiCompletions } from './openai-completions.ts';
import { openaiEmbeddings } from './openai-embeddings.ts';

const parse = (endpoint: Endpoint, body: object) =>
  endpoint.parse(parseJsonBody(Buffer.from(JSON.stringify(body))));
const user = { role: 'user', content: 'x' };
const chat = (fields: object) => parse(openaiChat, { model: 'm', messages: [user], ...fields }) as ChatCall;
const complete = (fields: object) =>
  parse(openaiCompletions, { model: 'm', prompt: 'x', ...fields }) as CompleteCall;
const embed = (fields: object) => parse(openaiEmbeddings, { model: 'm', input: 'x', ...fields }) as EmbedCall;

const saying = (message: object) => ({ messages: [{ role: 'user', content: 'x' }, message] });
const tooMany = (count: number, entry: unknown) => Array.from({ length: count }, () => entry);
const image = { type: 'image_url', image_url: { url: 'data:,' } };

const refusedChats: readonly (readonly [fields: object, param: string])[] = [
  [{ model: undefined }, 'model'],
  [{ model: 7 }, 'model'],
  [{ messages: undefined }, 'messages'],
  [{ messages: 'x' }, 'messages'],
  [{ messages: [] }, 'messages'],
  [{ messages: tooMany(2001, user) }, 'messages'],
  [{ messages: ['x'] }, 'messages[0]'],
  [saying({ role: 'king', content: '' }), 'messages[1].role'],
  [saying({ content: '' }), 'messages[1].role'],
  [saying({ role: 'user' }), 'messages[1].content'],
  [saying({ role: 'user', content: 7 }), 'messages[1].content'],
  [saying({ role: 'user', content: [{}] }), 'messages[1].content[0].type'],
  [saying({ role: 'user', content: [{ type: 'text' }] }), 'messages[1].content[0].text'],
  [saying({ role: 'user', content: [{ type: 'image_url' }] }), 'messages[1].content[0].image_url'],
  [
    saying({ role: 'user', content: [{ type: 'image_url', image_url: {} }] }),
    'messages[1].content[0].image_url.url',
  ],
  [saying({ role: 'user', content: tooMany(33, image) }), 'messages[1].content[32]'],
  [saying({ role: 'user', content: '', name: 7 }), 'messages[1].name'],
  [saying({ role: 'tool', content: '', tool_call_id: 7 }), 'messages[1].tool_call_id'],
  [saying({ role: 'assistant', tool_calls: [{}] }), 'messages[1].tool_calls[0].function'],
  [
    saying({ role: 'assistant', tool_calls: [{ function: { name: 'f' } }] }),
    'messages[1].tool_calls[0].function.arguments',
  ],
  [{ stream: 'yes' }, 'stream'],
  [{ stream_options: true }, 'stream_options'],
  [{ stream_options: { include_usage: 1 } }, 'stream_options.include_usage'],
  [{ temperature: -0.1 }, 'temperature'],
  [{ temperature: 'hot' }, 'temperature'],
  [{ top_p: 1.1 }, 'top_p'],
  [{ top_k: 0.5 }, 'top_k'],
  [{ min_p: 2 }, 'min_p'],
  [{ seed: 0.5 }, 'seed'],
  [{ max_tokens: -1 }, 'max_tokens'],
  [{ max_completion_tokens: 0.5 }, 'max_completion_tokens'],
  [{ stop: [7] }, 'stop[0]'],
  [{ stop: tooMany(17, 'x') }, 'stop'],
  [{ n: 0 }, 'n'],
  [{ n: 9 }, 'n'],
  [{ logprobs: 1 }, 'logprobs'],
  [{ top_logprobs: 21 }, 'top_logprobs'],
  [{ tools: {} }, 'tools'],
  [{ tools: tooMany(257, {}) }, 'tools'],
  [{ tools: [{ type: 'function', function: {} }] }, 'tools[0].function.name'],
  [
    { tools: [{ type: 'function', function: { name: 'f', parameters: 'x' } }] },
    'tools[0].function.parameters',
  ],
  [{ tool_choice: 'any' }, 'tool_choice'],
  [{ tool_choice: {} }, 'tool_choice.function'],
  [{ parallel_tool_calls: 'no' }, 'parallel_tool_calls'],
  [{ response_format: 'json' }, 'response_format'],
  [{ response_format: { type: 'xml' } }, 'response_format.type'],
  [{ response_format: { type: 'json_schema' } }, 'response_format.json_schema'],
  [{ response_format: { type: 'json_schema', json_schema: {} } }, 'response_format.json_schema.schema'],
  [{ reasoning_effort: 'much' }, 'reasoning_effort'],
  [{ think: 'much' }, 'think'],
  [{ keep_alive: {} }, 'keep_alive'],
  [{ options: [] }, 'options'],
];
for (const [fields, param] of refusedChats) {
  test(`a chat with ${JSON.stringify(fields).slice(0, 90)} is refused by the name ${param}`, () => {
    refusedBy(() => chat(fields), param);
  });
}

const refusedOthers: readonly (readonly [read: () => unknown, param: string])[] = [
  [() => complete({ prompt: undefined }), 'prompt'],
  [() => complete({ prompt: ['a', 7] }), 'prompt[1]'],
  [() => complete({ prompt: tooMany(2049, 'x') }), 'prompt'],
  [() => complete({ suffix: 7 }), 'suffix'],
  [() => complete({ echo: 'yes' }), 'echo'],
  [() => complete({ logprobs: true }), 'logprobs'],
  [() => complete({ logprobs: 6 }), 'logprobs'],
  [() => embed({ input: undefined }), 'input'],
  [() => embed({ input: [] }), 'input'],
  [() => embed({ input: ['x', 7] }), 'input[1]'],
  [() => embed({ input: [7, 'x'] }), 'input'],
  [() => embed({ input: [[7], [0.5]] }), 'input[1]'],
  [() => embed({ input: tooMany(2049, 'x') }), 'input'],
  [() => embed({ encoding_format: 'int8' }), 'encoding_format'],
  [() => embed({ dimensions: 0 }), 'dimensions'],
];
for (const [read, param] of refusedOthers) {
  test(`${read.toString().slice(6, 80)} is refused by the name ${param}`, () => refusedBy(read, param));
}

function refusedBy(read: () => unknown, param: string): void {
  assert.throws(read, (thrown) => {
    assert.ok(thrown instanceof Failure);
    assert.deepEqual([thrown.code, thrown.param], ['invalid_request', param]);
    assert.ok(thrown.message.startsWith(param));
    return true;
  });
}

test('every field of a chat has its meaning, and what is not known rides along', () => {
  const tool = { name: 'f', description: 'd', parameters: { type: 'object' }, strict: true };
  const { wire, ...call } = chat({
    messages: [
      { role: 'developer', content: 'a', name: 'b' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'c' },
          { type: 'image_url', image_url: 'data:,' },
        ],
      },
      {
        role: 'assistant',
        content: null,
        reasoning_content: 'd',
        tool_calls: [{ id: 'e', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'e', content: 'g' },
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'h' }] },
    ],
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: 2,
    max_completion_tokens: 2,
    temperature: 0,
    top_p: 1,
    top_k: 3,
    min_p: 0.1,
    seed: -4,
    stop: 'x',
    frequency_penalty: -2,
    presence_penalty: 2,
    repeat_penalty: 1.1,
    n: 2,
    logprobs: true,
    top_logprobs: 5,
    tools: [{ type: 'function', function: tool }],
    tool_choice: { type: 'function', function: { name: 'f' } },
    parallel_tool_calls: false,
    response_format: { type: 'json_schema', json_schema: { name: 'n', schema: {}, strict: true } },
    reasoning_effort: 'xhigh',
    think: false,
    keep_alive: '5m',
    options: { num_ctx: 5 },
    user: 'me',
    logit_bias: { 5: 1 },
  });
  assert.equal(wire.endpoint, 'chat');
  assert.deepEqual(call, {
    kind: 'chat',
    model: 'm',
    stream: true,
    wantsUsage: true,
    messages: [
      { role: 'developer', content: 'a', name: 'b' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'c' },
          { type: 'image', url: 'data:,' },
        ],
      },
      {
        role: 'assistant',
        content: '',
        reasoning: 'd',
        toolCalls: [{ id: 'e', name: 'f', arguments: '{}' }],
      },
      { role: 'tool', toolCallId: 'e', content: 'g' },
      { role: 'assistant', content: [{ type: 'text', text: 'h' }] },
    ],
    sampling: {
      maxTokens: 2,
      temperature: 0,
      topP: 1,
      topK: 3,
      minP: 0.1,
      seed: -4,
      stop: ['x'],
      frequencyPenalty: -2,
      presencePenalty: 2,
      repeatPenalty: 1.1,
      choices: 2,
      logprobs: true,
      topLogprobs: 5,
    },
    tools: [tool],
    toolChoice: { name: 'f' },
    parallelToolCalls: false,
    format: { name: 'n', schema: {}, strict: true },
    think: 'high',
    engine: { keepAlive: '5m', options: { num_ctx: 5 } },
    extra: { user: 'me', logit_bias: { 5: 1 } },
  });
});

test('null is as good as absent, field by field', () => {
  const names =
    'stream stream_options max_tokens max_completion_tokens temperature top_p seed stop n logprobs top_logprobs ' +
    'tools tool_choice parallel_tool_calls response_format reasoning_effort think keep_alive options';
  const nulls = Object.fromEntries(names.split(' ').map((name) => [name, null]));
  const { wire: _, ...call } = chat(nulls);
  const { wire: __, ...bare } = chat({});
  assert.deepEqual(call, bare);
});

test('a completion takes one prompt or several, and a number of probabilities', () => {
  assert.equal(complete({}).prompt, 'x');
  assert.deepEqual(complete({ prompt: ['a', 'b'] }).prompt, ['a', 'b']);
  assert.deepEqual(complete({ logprobs: 0 }).sampling, { logprobs: true, topLogprobs: 0 });
  const { suffix, echo, extra } = complete({ suffix: 's', echo: true, best_of: 2 });
  assert.deepEqual([suffix, echo, extra], ['s', true, { best_of: 2 }]);
});

test('embeddings take texts and token ids', () => {
  assert.deepEqual(embed({}).input, ['x']);
  assert.deepEqual(embed({ input: ['x', ''] }).input, ['x', '']);
  assert.deepEqual(embed({ input: [1, 2] }).input, [[1, 2]]);
  assert.deepEqual(embed({ input: [[1], [2, 3]] }).input, [[1], [2, 3]]);
  const { encoding, dimensions, extra } = embed({ encoding_format: 'base64', dimensions: 9, user: 'me' });
  assert.deepEqual([encoding, dimensions, extra], ['base64', 9, { user: 'me' }]);
});
