/** Ollama's own client, unmodified: tools, formats, thinking, images, and leaving. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { collect, ended, type Fleet, isCall, type Kind, model } from './fleet-kinds.ts';
import { asAble } from './ollama-refusal.ts';

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Tells the weather',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer' } },
      required: ['city', 'days'],
    },
  },
};
const wantsTool = [{ role: 'user', content: 'Use the tool get_weather for Rome' }];
const wantsThing = { model, messages: [{ role: 'user', content: 'a thing' }], options: { temperature: 0 } };
const schema = {
  type: 'object',
  properties: { colour: { enum: ['red', 'green'] }, done: { type: 'boolean' } },
  required: ['colour', 'done'],
  additionalProperties: false,
};
const onePixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

export function ollamaShapeCases(kind: Kind): void {
  describe(`the ollama package in front of ${kind.name}`, () => {
    let fleet: Fleet;
    before(async () => {
      fleet = await kind.open();
    });
    after(() => fleet[Symbol.asyncDispose]());

    test('a tool is called with an object, whole and streamed, and its result answered', () =>
      asAble(kind.tools, async () => {
        const asked = { model, tools: [weather], messages: wantsTool };
        const { message } = await fleet.ollama.chat(asked);
        const [call] = message.tool_calls ?? [];
        assert.equal(call?.function.name, 'get_weather');
        assert.deepEqual(Object.keys(call.function.arguments), ['city', 'days']);

        const lines = await collect(await fleet.ollama.chat({ ...asked, stream: true }));
        const calls = lines.flatMap((line) => line.message.tool_calls ?? []);
        assert.deepEqual(
          calls.map((entry) => entry.function.arguments),
          [call.function.arguments],
        );

        const result = { role: 'tool', content: 'sunny', tool_name: 'get_weather' };
        const second = await fleet.ollama.chat({ ...asked, messages: [...wantsTool, message, result] });
        assert.match(second.message.content, /sunny/);
      }));

    test('an answer to a schema fits it, whole and streamed', async () => {
      const { message } = await fleet.ollama.chat({ ...wantsThing, format: schema });
      const thing = JSON.parse(message.content) as { colour: string; done: boolean };
      assert.ok(['red', 'green'].includes(thing.colour));
      assert.equal(typeof thing.done, 'boolean');
      const lines = await collect(await fleet.ollama.chat({ ...wantsThing, format: schema, stream: true }));
      assert.equal(lines.map((line) => line.message.content).join(''), message.content);
    });

    test('the format json answers an object, from chat and generate', async () => {
      const options = { temperature: 0, num_predict: 40 };
      const chat = await fleet.ollama.chat({ ...wantsThing, options, format: 'json' });
      assert.match(chat.message.content, /^\{/);
      const generate = await fleet.ollama.generate({ model, prompt: 'a thing', options, format: 'json' });
      assert.match(generate.response ?? '', /^\{/);
    });

    test('thinking stands apart from the answer, whole and streamed', async () => {
      if (!kind.reasoning) return;
      const asked = { ...wantsThing, think: true };
      const { message } = await fleet.ollama.chat(asked);
      assert.ok((message.thinking ?? '').length > 0 && message.content.length > 0);
      const lines = await collect(await fleet.ollama.chat({ ...asked, stream: true }));
      assert.equal(lines.map((line) => line.message.thinking ?? '').join(''), message.thinking);
      assert.equal(lines.map((line) => line.message.content).join(''), message.content);
      const quiet = await fleet.ollama.chat({ ...wantsThing, think: false });
      assert.ok((quiet.message.thinking ?? '') === '');
    });

    test('an image goes along with a chat and with generate', () =>
      asAble(kind.images, async () => {
        const asked = [{ role: 'user', content: 'what is it', images: [onePixel] }];
        assert.ok((await fleet.ollama.chat({ model, messages: asked })).message.content.length > 0);
        const reply = await fleet.ollama.generate({ model, prompt: 'what is it', images: [onePixel] });
        assert.ok((reply.response ?? '').length > 0);
        const reached = fleet.fake?.requests.filter(isCall).slice(-2) ?? [];
        assert.ok(reached.every(({ body }) => body.includes(onePixel)));
      }));
  });

  test(`in front of ${kind.name}, abort() ends streams and the work behind them`, async () => {
    await using fleet = await kind.open(kind.slow);
    const messages = [{ role: 'user', content: 'Write 6000 words' }];
    const stream = await fleet.ollama.chat({ model, messages, stream: true });
    await assert.rejects(
      async () => {
        for await (const _ of stream) stream.abort();
      },
      { name: 'AbortError' },
    );
    await ended(fleet, 'aborted');
    fleet.fake?.behave({ endless: false });
    const { message } = await fleet.ollama.chat({ ...wantsThing, options: { num_predict: 1 } });
    assert.equal(message.role, 'assistant');
  });
}
