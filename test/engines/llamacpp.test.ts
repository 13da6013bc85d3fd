/** A real llama.cpp with a real, if tiny, model: what the gateway relies on when it starts one. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { APIError } from 'openai';
import { request } from 'undici';
import { tinyGguf } from '../upstream/tiny-gguf.ts';
import { type EngineChild, openEngineChild, until } from './llamacpp-child.ts';

const model = 'tiny';
const hello = [{ role: 'user' as const, content: 'hi' }];
/** `<s><|user|>hi</s><|assistant|>`: one token a character. */
const helloTokens = 6;

describe('the llama.cpp engine', () => {
  let engine: EngineChild;
  before(async () => {
    engine = await openEngineChild(8);
  });
  after(() => engine.close());

  test('says once on standard output what it serves', () => {
    assert.equal(engine.ready.ready, true);
    assert.equal(engine.ready.model, model);
    assert.equal(engine.ready.slots, 8);
    assert.equal(engine.ready.contextSize, tinyGguf.contextTokensMax);
    assert(typeof engine.ready.threads === 'number' && engine.ready.threads >= 1);
    assert(typeof engine.ready.loadMs === 'number' && engine.ready.loadMs > 0);
  });

  test('lists its one model and tells its slots', async () => {
    const models = await engine.client.models.list();
    assert.deepEqual(
      models.data.map(({ id }) => id),
      [model],
    );
    const props = await engine.props();
    assert.equal(props.total_slots, 8);
    assert.equal(props.free_slots, 8);
    assert.equal((await request(`${engine.url}/health`)).statusCode, 200);
  });

  test('a chat reply is as long as it may be, and its usage is exact', async () => {
    const reply = await engine.client.chat.completions.create({ model, messages: hello, max_tokens: 17 });
    assert.equal(reply.object, 'chat.completion');
    assert.equal(reply.choices.length, 1);
    assert.equal(reply.choices[0]?.message.role, 'assistant');
    assert.equal(reply.choices[0]?.message.content?.length, 17);
    assert.equal(reply.choices[0]?.finish_reason, 'length');
    assert.equal(reply.usage?.prompt_tokens, helloTokens);
    assert.equal(reply.usage?.completion_tokens, 17);
    assert.equal(reply.usage?.total_tokens, helloTokens + 17);
  });

  test('at temperature 0 the same question has the same answer, whole or streamed', async () => {
    const question = { model, messages: hello, max_completion_tokens: 32, temperature: 0 };
    const first = await engine.client.chat.completions.create(question);
    const second = await engine.client.chat.completions.create(question);
    assert.equal(second.choices[0]?.message.content, first.choices[0]?.message.content);

    const stream = await engine.client.chat.completions.create({
      ...question,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await collect(stream);
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
    assert.equal(text, first.choices[0]?.message.content);
    assert.deepEqual(chunks[0]?.choices[0]?.delta, { role: 'assistant', content: '' });
    assert.equal(chunks.at(-2)?.choices[0]?.finish_reason, 'length');
    assert.deepEqual(chunks.at(-1)?.choices, []);
    assert.equal(chunks.at(-1)?.usage?.completion_tokens, 32);
    assert.equal(chunks.filter((chunk) => (chunk.usage ?? null) !== null).length, 1);
    assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
  });

  test('the same seed draws the same reply, another seed another one', async () => {
    const draw = async (seed: number) => {
      const question = { model, messages: hello, max_tokens: 40, temperature: 1, seed };
      return (await engine.client.chat.completions.create(question)).choices[0]?.message.content;
    };
    const first = await draw(1);
    assert.equal(await draw(1), first);
    assert.notEqual(await draw(2), first);
  });

  test('penalties keep a reply from going round in circles', async () => {
    const distinct = async (frequency_penalty: number) => {
      const question = { model, messages: hello, max_tokens: 60, temperature: 0, frequency_penalty };
      const reply = await engine.client.chat.completions.create(question);
      return new Set(reply.choices[0]?.message.content).size;
    };
    assert((await distinct(2)) > (await distinct(0)));
  });

  test('a completion continues its prompt, whole and streamed, and counts it', async () => {
    const question = { model, prompt: 'Hello, world', max_tokens: 9, temperature: 0 };
    const whole = await engine.client.completions.create(question);
    assert.equal(whole.choices[0]?.text.length, 9);
    assert.equal(whole.usage?.prompt_tokens, 1 + question.prompt.length);
    assert.equal(whole.usage?.completion_tokens, 9);

    const chunks = await collect(await engine.client.completions.create({ ...question, stream: true }));
    assert.equal(chunks.map((chunk) => chunk.choices[0]?.text).join(''), whole.choices[0]?.text);
    assert.equal(chunks.at(-1)?.choices[0]?.finish_reason, 'length');
  });

  test('a completion with a suffix is given both sides of the gap', async () => {
    const reply = await engine.client.completions.create({
      model,
      prompt: 'ab',
      suffix: 'yz',
      max_tokens: 3,
    });
    // The beginning, three markers and four characters.
    assert.equal(reply.usage?.prompt_tokens, 8);
    assert.equal(reply.usage?.completion_tokens, 3);
  });

  test('text outside ASCII arrives as it was sent, byte by byte', async () => {
    const content = 'é☃😀';
    const reply = await engine.client.chat.completions.create({
      model,
      messages: [{ role: 'user', content }],
      max_tokens: 1,
    });
    assert.equal(reply.usage?.prompt_tokens, 4 + Buffer.byteLength(content));
  });

  test('a stop string ends the reply and is no part of it, whole or streamed', async () => {
    const question = { model, messages: hello, max_tokens: 16, temperature: 0 };
    const free = (await engine.client.chat.completions.create(question)).choices[0]?.message.content ?? '';
    const stop = free.slice(3, 5);
    const expected = free.slice(0, free.indexOf(stop));
    const whole = await engine.client.chat.completions.create({ ...question, stop: ['never', stop] });
    assert.equal(whole.choices[0]?.message.content, expected);
    assert.equal(whole.choices[0]?.finish_reason, 'stop');

    const stream = await engine.client.chat.completions.create({ ...question, stop, stream: true });
    const chunks = await collect(stream);
    assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''), expected);
    assert.equal(chunks.at(-1)?.choices[0]?.finish_reason, 'stop');
  });

  test('a reply to a schema is JSON that fits the schema', async () => {
    const schema = {
      type: 'object',
      properties: {
        colour: { enum: ['red', 'green'] },
        size: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
        done: { type: 'boolean' },
      },
      required: ['colour', 'size', 'done'],
      additionalProperties: false,
    };
    const reply = await engine.client.chat.completions.create({
      model,
      messages: hello,
      temperature: 0,
      response_format: { type: 'json_schema', json_schema: { name: 'thing', schema } },
    });
    assert.equal(reply.choices[0]?.finish_reason, 'stop');
    const value = JSON.parse(reply.choices[0]?.message.content ?? '') as Record<string, unknown>;
    assert.deepEqual(Object.keys(value), ['colour', 'size', 'done']);
    assert(['red', 'green'].includes(String(value['colour'])));
    assert(value['size'] === null || Number.isInteger(value['size']));
    assert.equal(typeof value['done'], 'boolean');
  });

  test('json_object begins an object whatever the model would rather say', async () => {
    const reply = await engine.client.chat.completions.create({
      model,
      messages: hello,
      max_tokens: 20,
      response_format: { type: 'json_object' },
    });
    assert.match(reply.choices[0]?.message.content ?? '', /^\{/);
  });

  test('embeddings have length one, differ by text, and are the same in base64', async () => {
    const input = ['hello', 'other'];
    const floats = await engine.client.embeddings.create({ model, input, encoding_format: 'float' });
    const [first, second] = floats.data.map(({ embedding }) => embedding);
    assert(first !== undefined && second !== undefined);
    assert.equal(first.length, tinyGguf.embeddingDimensions);
    assert(Math.abs(Math.hypot(...first) - 1) < 1e-6);
    assert.notDeepEqual(first, second);
    assert.equal(floats.usage.prompt_tokens, 2 * (1 + 5));

    const packed = await engine.client.embeddings.create({ model, input, encoding_format: 'base64' });
    const text = packed.data[0]?.embedding as unknown as string;
    const bytes = new Uint8Array(Buffer.from(text, 'base64'));
    const unpacked = new Float32Array(bytes.buffer);
    assert(first.every((value, index) => Math.abs(value - (unpacked[index] ?? Number.NaN)) < 1e-6));
  });

  const refusals: readonly [what: string, field: string, body: object][] = [
    ['several choices', 'n', { messages: hello, n: 2 }],
    ['tools', 'tools', { messages: hello, tools: [{ type: 'function', function: { name: 'f' } }] }],
    ['log probabilities', 'logprobs', { messages: hello, logprobs: true }],
    ['no messages', 'messages', { messages: [] }],
    ['a role it does not know', 'messages[0].role', { messages: [{ role: 'king', content: '' }] }],
    [
      'an image',
      'messages[0].content[0].type',
      { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
    ],
    ['no tokens at all', 'max_tokens', { messages: hello, max_tokens: 0 }],
    ['a temperature that is no number', 'temperature', { messages: hello, temperature: 'hot' }],
    ['an empty stop string', 'stop', { messages: hello, stop: '' }],
    [
      'a schema that cannot be enforced',
      'response_format.json_schema.schema.properties.a.pattern',
      {
        messages: hello,
        response_format: {
          type: 'json_schema',
          json_schema: { schema: { type: 'object', properties: { a: { type: 'string', pattern: 'x' } } } },
        },
      },
    ],
    [
      'a prompt longer than the context',
      'messages',
      { messages: [{ role: 'user', content: 'x'.repeat(3000) }] },
    ],
  ];
  for (const [what, field, body] of refusals) {
    test(`${what}: 400 that names ${field}`, async () => {
      const error = await failureOf(engine.client.post('/chat/completions', { body }));
      assert.equal(error.status, 400);
      assert.equal(error.param, field);
      assert.equal(error.type, 'invalid_request_error');
    });
  }

  test('a prompt that is too long has the code by which clients know it', async () => {
    const prompt = 'x'.repeat(tinyGguf.contextTokensMax);
    const error = await failureOf(engine.client.completions.create({ model, prompt }));
    assert.equal(error.code, 'context_length_exceeded');
    assert.equal(error.param, 'prompt');
  });

  test('what is no JSON, no path or no method has an answer of its own', async () => {
    const statusOf = async (path: string, method: 'GET' | 'POST', body?: string) => {
      const reply = await request(engine.url + path, { method, ...(body === undefined ? {} : { body }) });
      await reply.body.dump();
      return reply.statusCode;
    };
    assert.equal(await statusOf('/v1/chat/completions', 'POST', '{'), 400);
    assert.equal(await statusOf('/v1/chat/completions', 'POST', '[]'), 400);
    assert.equal(await statusOf('/v1/chat/completions', 'GET'), 405);
    assert.equal(await statusOf('/nothing', 'GET'), 404);
  });

  test('fields that nobody knows are ignored', async () => {
    const body = { messages: hello, max_tokens: 1, keep_alive: '5m', unheard_of: { deep: [] } };
    const reply = await engine.client.post<{ usage: { completion_tokens: number } }>('/chat/completions', {
      body,
    });
    assert.equal(reply.usage.completion_tokens, 1);
  });

  for (const stream of [true, false]) {
    test(`clients that leave a ${stream ? 'streamed' : 'whole'} reply free their slots at once (G15)`, async () => {
      const leave = new AbortController();
      const ask = () =>
        engine.client.chat.completions.create({ model, messages: hello, stream }, { signal: leave.signal });
      const settled = Promise.allSettled(Array.from({ length: 8 }, ask));
      await until(async () => (await engine.props()).free_slots === 0, 2000);
      leave.abort();
      // Eight replies of two thousand tokens each would go on for a second and more.
      await until(async () => (await engine.props()).free_slots === 8, 200);
      await settled;
    });
  }

  test('eight sequences are decoded in one batch, token by token', async () => {
    const before = (await engine.props()).decoded;
    const tokens = 300;
    await Promise.all(
      [0, 1, 2, 3, 4, 5, 6, 7].map((number) =>
        engine.client.completions.create({
          model,
          prompt: `${number} bottles`,
          max_tokens: tokens,
          temperature: 0,
        }),
      ),
    );
    const after = (await engine.props()).decoded;
    const sequences = after.sequences - before.sequences;
    const batches = after.batches - before.batches;
    assert(sequences >= 8 * tokens, `${sequences} for ${8 * tokens} tokens`);
    // They come and go at different times; in between nobody is left out.
    assert(sequences / batches >= 4, `${sequences} sequences in ${batches} batches`);
  });
});

test('more than its queue holds is refused with queue_full, and who leaves the queue leaves a place (G14)', async () => {
  const engine = await openEngineChild(1);
  try {
    // A reply that nobody reads is held back by its socket, so the only slot stays taken.
    const holder = await request(`${engine.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ messages: hello, stream: true }),
      highWaterMark: 1024,
    });
    const { places } = (await engine.props()).queue;
    const leave = new AbortController();
    const ask = () =>
      engine.client.completions.create({ model, prompt: 'x', max_tokens: 1 }, { signal: leave.signal });
    const waiting = Array.from({ length: places }, () =>
      ask().then(
        () => 'answered',
        () => 'left',
      ),
    );
    await until(async () => (await engine.props()).queue.waiting === places, 5000);

    const error = await failureOf(ask());
    assert.equal(error.status, 503);
    assert.equal(error.code, 'queue_full');

    leave.abort();
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['left']));
    await until(async () => (await engine.props()).queue.waiting === 0, 1000);
    holder.body.on('error', () => undefined).destroy();
    await until(async () => (await engine.props()).free_slots === 1, 1000);
  } finally {
    await engine.close();
  }
});

async function collect<T>(stream: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of stream) all.push(item);
  return all;
}

async function failureOf(asked: PromiseLike<unknown>): Promise<APIError> {
  try {
    await asked;
  } catch (error) {
    assert(error instanceof APIError);
    return error;
  }
  assert.fail('it was answered');
}
