import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ChatCall, EmbedCall, JsonObject } from '../core/call.ts';
import type { Endpoint, ReplyFacts } from '../core/exchange.ts';
import { Failure, type FailureCode, fail } from '../core/failure.ts';
import type { CallResult, Part } from '../core/part.ts';
import { simpleChat } from './simple-chat.ts';
import { simpleComplete, simpleStream } from './simple-complete.ts';
import { simpleEmbeddings } from './simple-embeddings.ts';
import { simpleGenerate } from './simple-generate.ts';
import { simpleVoice } from './simple-voice.ts';

function parse<Kind extends ChatCall | EmbedCall = ChatCall>(endpoint: Endpoint, value: object): Kind {
  const bytes = Buffer.from(JSON.stringify(value));
  return endpoint.parse({ bytes, value: value as JsonObject, spans: new Map() }) as Kind;
}

function paramOf(endpoint: Endpoint, value: object): string | undefined {
  try {
    parse(endpoint, value);
  } catch (thrown) {
    assert.ok(thrown instanceof Failure, String(thrown));
    assert.equal(thrown.code, 'invalid_request');
    assert.ok(thrown.param === undefined || thrown.message.includes(thrown.param));
    return thrown.param;
  }
  return undefined;
}

const factsOf = (call: ChatCall | EmbedCall): ReplyFacts => ({
  id: 'the-id',
  call,
  model: 'some-model',
  wallMs: 0,
  elapsedMs: () => 0,
});

const said = (text: string): CallResult => ({
  kind: 'text',
  choices: [{ text, stop: 'stop' }],
  usage: undefined,
});

test('/generate takes a prompt, with 512 tokens at temperature 0.7 unless told otherwise', () => {
  const call = parse(simpleGenerate, { prompt: 'Hi' });
  assert.deepEqual(call.messages, [{ role: 'user', content: 'Hi' }]);
  assert.deepEqual(call.sampling, { maxTokens: 512, temperature: 0.7 });
  assert.equal(call.model, '');
  assert.equal(call.stream, false);
  const told = parse(simpleGenerate, {
    prompt: 'Hi',
    max_tokens: 3,
    temperature: 0,
    model: 'm',
    stream: true,
  });
  assert.deepEqual(told.sampling, { maxTokens: 3, temperature: 0 });
  assert.equal(told.model, 'm');
  assert.equal(told.stream, true);
  assert.equal(simpleGenerate.renderResult(said('Hello'), factsOf(call)), '{"response":"Hello"}');
});

test('/api/v1/complete puts its context before the query as a system message, with 500 tokens', () => {
  const call = parse(simpleComplete, { query: 'Who?', context: 'Ada wrote it.', temperature: 0.2 });
  assert.deepEqual(call.messages, [
    { role: 'system', content: 'Ada wrote it.' },
    { role: 'user', content: 'Who?' },
  ]);
  assert.deepEqual(call.sampling, { maxTokens: 500, temperature: 0.2 });
  assert.equal(call.stream, false);
  assert.equal(call.conversation, undefined);
  assert.equal(parse(simpleComplete, { query: 'Who?', context: null }).messages.length, 1);
  assert.equal(simpleComplete.renderResult(said('Ada'), factsOf(call)), '{"response":"Ada"}');
});

test('/api/v1/stream reads the same body and writes tokens, then [DONE]', () => {
  const call = parse(simpleStream, { query: 'Who?' });
  assert.equal(call.stream, true);
  const parts: Part[] = [
    { type: 'reasoning-delta', text: 'hm' },
    { type: 'text-delta', text: 'A "da"\n' },
    { type: 'text-delta', text: '' },
    { type: 'choice-ended', stop: 'stop' },
    { type: 'usage', usage: { inputTokens: 1, outputTokens: 1 } },
    { type: 'reply-ended' },
  ];
  const render = simpleStream.openRenderer(factsOf(call));
  assert.equal(parts.map(render).join(''), 'data: {"token": "A \\"da\\"\\n"}\n\ndata: [DONE]\n\n');
});

test('whatever the tokens are, each comes back from its own event, on one line', () => {
  const render = simpleStream.openRenderer(factsOf(parse(simpleStream, { query: 'Hi' })));
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
      const event = render({ type: 'text-delta', text });
      assert.match(event, /^data: [^\n\r]*\n\n$/);
      assert.equal(JSON.parse(event.slice('data: '.length)).token, text);
    }),
  );
});

test('/chat takes one message or several, and names the conversation that it continues or begins', () => {
  const begun = parse(simpleChat, { message: 'Hi' });
  assert.deepEqual(begun.messages, [{ role: 'user', content: 'Hi' }]);
  assert.equal(begun.conversation, '');
  assert.deepEqual(begun.sampling, {});
  const reply = (call: ChatCall) => JSON.parse(simpleChat.renderResult(said('Hello'), factsOf(call)));
  assert.deepEqual(reply(begun), { response: 'Hello', conversation_id: 'the-id' });
  const messages = [
    { role: 'system', content: 'Be brief' },
    { role: 'user', content: 'Hi' },
  ];
  const continued = parse(simpleChat, { messages, conversation_id: 'a.B_9:-' });
  assert.deepEqual(continued.messages, messages);
  assert.deepEqual(reply(continued), { response: 'Hello', conversation_id: 'a.B_9:-' });
});

test('/embeddings takes input, text or prompt, and never passes its bytes on as they are', () => {
  for (const name of ['input', 'text', 'prompt']) {
    const call = parse<EmbedCall>(simpleEmbeddings, { [name]: 'Hi', note: 1 });
    assert.deepEqual(call.input, ['Hi']);
    assert.equal(call.model, '');
    assert.equal(call.wire.dialect, 'simple');
    assert.deepEqual(call.extra, { note: 1 });
  }
  const several = parse<EmbedCall>(simpleEmbeddings, {
    text: ['a', 'b'],
    model: 'm',
    encoding_format: 'base64',
  });
  assert.deepEqual([several.input, several.model, several.encoding], [['a', 'b'], 'm', 'base64']);
  const vectors = { kind: 'vectors', vectors: [[1, 0]], usage: undefined } as const;
  const body = JSON.parse(
    simpleEmbeddings.renderResult(vectors, factsOf(parse(simpleEmbeddings, { text: 'a' }))),
  );
  assert.deepEqual(body.data[0].embedding, [1, 0]);
  assert.equal(body.model, 'some-model');
});

test('unknown fields are not refused: they ride along', () => {
  assert.deepEqual(parse(simpleGenerate, { prompt: 'Hi', top_p: 1 }).extra, { top_p: 1 });
  assert.deepEqual(parse(simpleComplete, { query: 'Hi', user: 'x' }).extra, { user: 'x' });
  assert.deepEqual(parse(simpleChat, { message: 'Hi', lang: 'de' }).extra, { lang: 'de' });
});

const refused: ReadonlyArray<readonly [Endpoint, object, string]> = [
  [simpleGenerate, {}, 'prompt'],
  [simpleGenerate, { prompt: 1 }, 'prompt'],
  [simpleGenerate, { prompt: 'Hi', max_tokens: 0 }, 'max_tokens'],
  [simpleGenerate, { prompt: 'Hi', max_tokens: 1.5 }, 'max_tokens'],
  [simpleGenerate, { prompt: 'Hi', temperature: -1 }, 'temperature'],
  [simpleGenerate, { prompt: 'Hi', temperature: 'hot' }, 'temperature'],
  [simpleGenerate, { prompt: 'Hi', stream: 'yes' }, 'stream'],
  [simpleGenerate, { prompt: 'Hi', model: 7 }, 'model'],
  [simpleComplete, {}, 'query'],
  [simpleComplete, { query: 'Hi', context: [] }, 'context'],
  [simpleStream, { query: null }, 'query'],
  [simpleChat, {}, 'message'],
  [simpleChat, { message: {} }, 'message'],
  [simpleChat, { message: 'Hi', messages: [] }, 'message'],
  [simpleChat, { messages: [] }, 'messages'],
  [simpleChat, { messages: [{ role: 'king', content: '' }] }, 'messages[0].role'],
  [simpleChat, { message: 'Hi', conversation_id: '' }, 'conversation_id'],
  [simpleChat, { message: 'Hi', conversation_id: 'a/b' }, 'conversation_id'],
  [simpleChat, { message: 'Hi', conversation_id: 'a\n' }, 'conversation_id'],
  [simpleChat, { message: 'Hi', conversation_id: 'a'.repeat(129) }, 'conversation_id'],
  [simpleChat, { message: 'Hi', conversation_id: 5 }, 'conversation_id'],
  [simpleEmbeddings, {}, 'input'],
  [simpleEmbeddings, { text: 5 }, 'text'],
  [simpleEmbeddings, { prompt: ['a', 5] }, 'prompt[1]'],
  [simpleEmbeddings, { input: [] }, 'input'],
];

for (const [endpoint, body, param] of refused) {
  test(`${endpoint.name} refuses ${JSON.stringify(body).slice(0, 60)}, naming ${param}`, () => {
    assert.equal(paramOf(endpoint, body), param);
  });
}

test('no body whatever makes a reader throw anything but a failure that names what is wrong', () => {
  const endpoints = [simpleGenerate, simpleComplete, simpleStream, simpleChat, simpleEmbeddings];
  const field = fc.constantFrom(
    'prompt',
    'query',
    'message',
    'messages',
    'input',
    'text',
    'model',
    'max_tokens',
  );
  fc.assert(
    fc.property(fc.dictionary(field, fc.jsonValue()), fc.constantFrom(...endpoints), (body, endpoint) => {
      paramOf(endpoint, body);
    }),
  );
});

test('each of the five time-outs is 504 "LLM timeout", every other failure its own sentence and status', () => {
  const rendered = (code: FailureCode, details = {}) =>
    simpleVoice.renderFailure(fail(code, 'the words', details), 'the-id');
  const timeouts = [
    'connect_timeout',
    'first_token_timeout',
    'idle_timeout',
    'total_timeout',
    'queue_timeout',
  ] as const;
  for (const code of timeouts) {
    assert.equal(rendered(code).status, 504);
    assert.equal(rendered(code).body, `{"detail":"LLM timeout","code":"${code}","request_id":"the-id"}`);
  }
  const refusal = rendered('invalid_request');
  assert.equal(refusal.status, 400);
  assert.equal(refusal.body, '{"detail":"the words","code":"invalid_request","request_id":"the-id"}');
  assert.ok(rendered('rate_limited', { retryAfterS: 3 }).headers.join().includes('retry-after,3'));
});

test('a stream that broke ends with an error event that holds the id, and not with [DONE]', () => {
  const event = simpleVoice.renderStreamFailure(fail('upstream_cut', 'it broke'), 'the-id');
  assert.equal(event, 'data: {"error":{"detail":"it broke","code":"upstream_cut","id":"the-id"}}\n\n');
  assert.match(simpleVoice.renderStreamFailure(fail('idle_timeout', 'x'), 'i'), /"detail":"LLM timeout"/);
});
