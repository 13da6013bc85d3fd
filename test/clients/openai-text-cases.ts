/** OpenAI's own client, unmodified: text whole and streamed, completions, embeddings and listings. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { collect, type Fleet, type Kind, model } from './fleet-kinds.ts';

const messages = [{ role: 'user' as const, content: 'Say something about rivers' }];
const question = { model, messages, temperature: 0, max_tokens: 24, seed: 7 };

export function openaiTextCases(kind: Kind): void {
  describe(`the openai package in front of ${kind.name}`, () => {
    let fleet: Fleet;
    before(async () => {
      fleet = await kind.open();
    });
    after(() => fleet[Symbol.asyncDispose]());

    const whole = async () => await fleet.openai.chat.completions.create(question);

    test('a chat is answered under the name that was asked for, with an id and usage', async () => {
      const { data, request_id, response } = await fleet.openai.chat.completions
        .create(question)
        .withResponse();
      assert.equal(data.object, 'chat.completion');
      assert.equal(data.choices.length, 1);
      assert.equal(data.choices[0]?.message.role, 'assistant');
      assert.ok((data.choices[0]?.message.content ?? '').length > 0);
      assert.ok(data.usage !== undefined && data.usage.prompt_tokens > 0);
      assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);
      assert.match(request_id ?? '', /^[0-9a-f-]{36}$/);
      assert.match((await whole())._request_id ?? '', /^[0-9a-f-]{36}$/);
      assert.equal(response.headers.get('x-millrace-model'), model);
    });

    test('a stream says the same, in chunks with a role first and a reason last', async () => {
      const expected = await whole();
      const chunks = await collect(await fleet.openai.chat.completions.create({ ...question, stream: true }));
      const choices = chunks.map((chunk) => chunk.choices[0]);
      assert.equal(
        choices.map((choice) => choice?.delta.content ?? '').join(''),
        expected.choices[0]?.message.content,
      );
      assert.equal(choices[0]?.delta.role, 'assistant');
      assert.equal(choices.at(-1)?.finish_reason, expected.choices[0]?.finish_reason);
      assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
      assert.ok(chunks.every((chunk) => chunk.object === 'chat.completion.chunk'));
    });

    test('usage comes in a last chunk without choices when asked for, and not at all otherwise', async () => {
      const expected = await whole();
      const asked = await collect(
        await fleet.openai.chat.completions.create({
          ...question,
          stream: true,
          stream_options: { include_usage: true },
        }),
      );
      assert.deepEqual(asked.at(-1)?.choices, []);
      assert.equal(asked.at(-1)?.usage?.completion_tokens, expected.usage?.completion_tokens);
      assert.equal(asked.at(-1)?.usage?.prompt_tokens, expected.usage?.prompt_tokens);
      assert.ok(asked.slice(0, -1).every((chunk) => chunk.usage === null));

      const unasked = await collect(
        await fleet.openai.chat.completions.create({ ...question, stream: true }),
      );
      assert.ok(unasked.every((chunk) => (chunk.usage ?? null) === null && chunk.choices.length === 1));
    });

    test("the package's own collector takes the stream for whole", async () => {
      const completion = await fleet.openai.chat.completions.stream(question).finalChatCompletion();
      const expected = await whole();
      assert.equal(completion.choices[0]?.message.content, expected.choices[0]?.message.content);
      assert.equal(completion.choices[0]?.finish_reason, expected.choices[0]?.finish_reason);
    });

    test('fewer tokens than there is to say end with length', async () => {
      const { choices, usage } = await fleet.openai.chat.completions.create({ ...question, max_tokens: 3 });
      assert.equal(choices[0]?.finish_reason, 'length');
      assert.equal(usage?.completion_tokens, 3);
    });

    test('a completion says the same whole and streamed', async () => {
      const asked = { model, prompt: 'The river was', temperature: 0, max_tokens: 12, seed: 7 };
      const { choices, object, usage } = await fleet.openai.completions.create(asked);
      assert.equal(object, 'text_completion');
      assert.ok((choices[0]?.text ?? '').length > 0);
      assert.ok((usage?.prompt_tokens ?? 0) > 0);
      const chunks = await collect(await fleet.openai.completions.create({ ...asked, stream: true }));
      assert.equal(chunks.map((chunk) => chunk.choices[0]?.text ?? '').join(''), choices[0]?.text);
      assert.equal(chunks.at(-1)?.choices[0]?.finish_reason, choices[0]?.finish_reason);
    });

    test('embeddings are the same as floats and in the form that the package asks for by itself', async () => {
      const input = ['one text', 'another text'];
      const packed = await fleet.openai.embeddings.create({ model, input });
      const plain = await fleet.openai.embeddings.create({ model, input, encoding_format: 'float' });
      assert.deepEqual(
        packed.data.map(({ index }) => index),
        [0, 1],
      );
      assert.ok(packed.usage.prompt_tokens > 0);
      for (const [index, { embedding }] of packed.data.entries()) {
        const expected = plain.data[index]?.embedding ?? [];
        assert.equal(embedding.length, expected.length);
        assert.deepEqual(embedding, Array.from(Float32Array.from(expected)));
      }
      assert.notDeepEqual(packed.data[0]?.embedding, packed.data[1]?.embedding);
    });

    test('models are listed and found by name, also where the address has no /v1', async () => {
      const bare = new OpenAI({ baseURL: fleet.gateway.url, apiKey: fleet.gateway.key });
      for (const client of [fleet.openai, bare]) {
        const { data } = await client.models.list();
        assert.ok(data.some(({ id }) => id === model));
        assert.equal((await client.models.retrieve(model)).id, model);
        const expected = await whole();
        const { choices } = await client.chat.completions.create(question);
        assert.equal(choices[0]?.message.content, expected.choices[0]?.message.content);
        assert.ok((await client.completions.create({ model, prompt: 'on', max_tokens: 2 })).choices[0]?.text);
        assert.equal((await client.embeddings.create({ model, input: 'one' })).data.length, 1);
      }
    });

    test('a key in the path serves a client that sends none', async () => {
      const client = new OpenAI({
        baseURL: `${fleet.gateway.url}/k/${fleet.gateway.key}/v1`,
        apiKey: 'unused',
        defaultHeaders: { authorization: null },
      });
      const { choices } = await client.chat.completions.create(question);
      assert.equal(choices[0]?.message.content, (await whole()).choices[0]?.message.content);
    });
  });
}
