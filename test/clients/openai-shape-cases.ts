/** OpenAI's own client, unmodified: tools, structured output, images, several choices, reasoning. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BadRequestError } from 'openai';
import { collect, type Fleet, type Kind, model } from './fleet-kinds.ts';

const weather = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'Tells the weather',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer' } },
      required: ['city', 'days'],
      additionalProperties: false,
    },
  },
};
const wantsTool = [{ role: 'user' as const, content: 'Use the tool get_weather for Rome' }];

const schema = {
  type: 'object',
  properties: { colour: { enum: ['red', 'green'] }, done: { type: 'boolean' } },
  required: ['colour', 'done'],
  additionalProperties: false,
};
const format = { type: 'json_schema' as const, json_schema: { name: 'thing', schema, strict: true } };
const wantsThing = { model, messages: [{ role: 'user' as const, content: 'a thing' }], temperature: 0 };
const onePixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

export function openaiShapeCases(kind: Kind): void {
  describe(`the openai package in front of ${kind.name}`, () => {
    let fleet: Fleet;
    before(async () => {
      fleet = await kind.open();
    });
    after(() => fleet[Symbol.asyncDispose]());

    /** Works, or is refused by the name of the field. */
    async function asAble(ability: true | { refused: string }, work: () => Promise<void>): Promise<void> {
      if (ability === true) return await work();
      await assert.rejects(work(), (thrown: unknown) => {
        assert.ok(thrown instanceof BadRequestError, String(thrown));
        assert.equal(thrown.param, ability.refused);
        assert.match(thrown.message, new RegExp(ability.refused.replace(/[^\w].*$/s, '')));
        return true;
      });
    }

    test('a tool is called whole and its result answered', () =>
      asAble(kind.tools, async () => {
        const asked = { model, tools: [weather] };
        const first = await fleet.openai.chat.completions.create({ ...asked, messages: wantsTool });
        const [choice] = first.choices;
        assert.equal(choice?.finish_reason, 'tool_calls');
        const [call] = choice.message.tool_calls ?? [];
        assert.ok(call?.type === 'function' && call.id !== '');
        assert.equal(call.function.name, 'get_weather');
        assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)), ['city', 'days']);

        const result = { role: 'tool' as const, tool_call_id: call.id, content: 'sunny' };
        const second = await fleet.openai.chat.completions.create({
          ...asked,
          messages: [...wantsTool, choice.message, result],
        });
        assert.equal(second.choices[0]?.finish_reason, 'stop');
        assert.match(second.choices[0]?.message.content ?? '', /sunny/);
      }));

    test("a streamed call comes together in the package's own collector", () =>
      asAble(kind.tools, async () => {
        const asked = { model, tools: [weather], messages: wantsTool };
        const whole = await fleet.openai.chat.completions.create(asked);
        const streamed = await fleet.openai.chat.completions.stream(asked).finalChatCompletion();
        const [call] = streamed.choices[0]?.message.tool_calls ?? [];
        const [expected] = whole.choices[0]?.message.tool_calls ?? [];
        assert.ok(call?.type === 'function' && expected?.type === 'function');
        assert.equal(call.function.name, expected.function.name);
        assert.equal(call.function.arguments, expected.function.arguments);
        assert.ok(call.id !== '');
        assert.equal(streamed.choices[0]?.finish_reason, 'tool_calls');
      }));

    test("the package's loop runs a tool and ends with words", () =>
      asAble(kind.tools, async () => {
        const asked: unknown[] = [];
        const runner = fleet.openai.chat.completions.runTools({
          model,
          messages: wantsTool,
          tools: [
            {
              type: 'function',
              function: {
                name: 'get_weather',
                description: 'Tells the weather',
                parameters: weather.function.parameters,
                parse: JSON.parse,
                function: (given: unknown) => {
                  asked.push(given);
                  return 'sunny all week';
                },
              },
            },
          ],
        });
        assert.match((await runner.finalContent()) ?? '', /sunny all week/);
        assert.equal(asked.length, 1);
        assert.deepEqual(Object.keys(asked[0] as object), ['city', 'days']);
      }));

    test('a tool may be demanded where the server can be made to call one', () =>
      asAble(kind.forcedTools, async () => {
        const { choices } = await fleet.openai.chat.completions.create({
          model,
          messages: [{ role: 'user', content: 'hello' }],
          tools: [weather],
          tool_choice: { type: 'function', function: { name: 'get_weather' } },
        });
        assert.equal(choices[0]?.message.tool_calls?.length, 1);
      }));

    test('an answer to a schema fits it, whole, parsed and streamed', async () => {
      const parsed = await fleet.openai.chat.completions.parse({ ...wantsThing, response_format: format });
      const thing = parsed.choices[0]?.message.parsed as unknown as { colour: string; done: boolean };
      assert.ok(['red', 'green'].includes(thing.colour));
      assert.equal(typeof thing.done, 'boolean');
      assert.equal(parsed.choices[0]?.finish_reason, 'stop');
      const stream = fleet.openai.chat.completions.stream({ ...wantsThing, response_format: format });
      const streamed = await stream.finalChatCompletion();
      assert.equal(streamed.choices[0]?.message.content, parsed.choices[0]?.message.content);
    });

    test('JSON mode answers an object', async () => {
      const { choices } = await fleet.openai.chat.completions.create({
        ...wantsThing,
        max_tokens: 40,
        response_format: { type: 'json_object' },
      });
      assert.match(choices[0]?.message.content ?? '', /^\{/);
    });

    test('an image goes along as a data: URL', () =>
      asAble(kind.images, async () => {
        const { choices, usage } = await fleet.openai.chat.completions.create({
          model,
          messages: [
            {
              role: 'user',
              content: [
                { type: 'text', text: 'what is it' },
                { type: 'image_url', image_url: { url: `data:image/png;base64,${onePixel}` } },
              ],
            },
          ],
        });
        assert.ok((choices[0]?.message.content ?? '').length > 0);
        assert.ok((usage?.prompt_tokens ?? 0) > 0);
        if (fleet.fake === undefined) return;
        const reached = await fleet.fake.waitForRequest((request) => request.body.includes(onePixel));
        assert.equal(reached.path.startsWith('/api/'), reached.body.includes('"images"'));
      }));

    test('two answers at once, whole and streamed', () =>
      asAble(kind.choices, async () => {
        const asked = { ...wantsThing, n: 2, max_tokens: 10 };
        const whole = await fleet.openai.chat.completions.create(asked);
        const told = whole.choices.map(({ index, message }) => [index, message.content]);
        assert.equal(told.length, 2);
        const said: Record<number, string> = { 0: '', 1: '' };
        for (const chunk of await collect(
          await fleet.openai.chat.completions.create({ ...asked, stream: true }),
        )) {
          for (const { index, delta } of chunk.choices) said[index] += delta.content ?? '';
        }
        assert.deepEqual(
          Object.entries(said).map(([index, text]) => [Number(index), text]),
          told,
        );
      }));

    test('a gap is filled between prompt and suffix', () =>
      asAble(kind.suffix, async () => {
        const asked = { model, prompt: 'begin', suffix: 'end', max_tokens: 4 };
        const { choices } = await fleet.openai.completions.create(asked);
        assert.ok((choices[0]?.text ?? '').length > 0);
        const reached = await fleet.fake?.waitForRequest((request) => request.body.includes('suffix'));
        if (reached !== undefined) assert.equal((reached.json as { suffix: string }).suffix, 'end');
      }));

    test('reasoning stands apart from the answer, whole and streamed', async () => {
      if (!kind.reasoning) return;
      const asked = { ...wantsThing, reasoning_effort: 'low' as const };
      const whole = await fleet.openai.chat.completions.create(asked);
      const { content, reasoning_content: reasoning } = (whole.choices[0]?.message ?? {}) as Reasoned;
      assert.ok((reasoning ?? '').length > 0 && (content ?? '').length > 0);
      const chunks = await collect(await fleet.openai.chat.completions.create({ ...asked, stream: true }));
      const deltas = chunks.map((chunk) => (chunk.choices[0]?.delta ?? {}) as Reasoned);
      assert.equal(deltas.map((delta) => delta.reasoning_content ?? '').join(''), reasoning);
      assert.equal(deltas.map((delta) => delta.content ?? '').join(''), content);
    });
  });
}

interface Reasoned {
  readonly content?: string | null;
  readonly reasoning_content?: string;
}
