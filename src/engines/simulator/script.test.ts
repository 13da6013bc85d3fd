import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerTo, hello, type Overrides } from '../../../test/simulator-rig.ts';

test('an answer says that it is a simulator, repeats what was said and counts its tokens', async () => {
  const { status, json } = await answerTo(hello);
  assert.equal(status, 200);
  const [choice] = json.choices;
  assert.match(choice.message.content, /simulator, not a model\. You said: “Hello there”\./);
  assert.equal(choice.finish_reason, 'stop');
  assert.equal(json.usage.prompt_tokens, 2);
  assert.equal(json.usage.total_tokens, 2 + json.usage.completion_tokens);
});

test('a stream has the same words as a whole answer, usage when asked for, and the end marker', async () => {
  const whole = await answerTo(hello);
  const streamed = await answerTo({ ...hello, stream: true, stream_options: { include_usage: true } });
  assert.equal(streamed.streamedText, whole.json.choices[0].message.content);
  assert.deepEqual(streamed.chunks.at(-1).usage, whole.json.usage);
  assert.ok(streamed.text.endsWith('data: [DONE]\n\n'));
  const contents = streamed.chunks.filter((chunk) => chunk.choices[0]?.delta?.content);
  assert.equal(contents.length, whole.json.usage.completion_tokens);
});

test('equal seeds and equal requests give equal answers, others give others', async () => {
  const text = async (body: object, overrides?: Overrides) =>
    (await answerTo(body, overrides)).json.choices[0].message.content;
  const first = await text(hello);
  assert.equal(await text(hello), first);
  assert.notEqual(await text({ ...hello, seed: 2 }), first);
  assert.notEqual(await text(hello, { seed: 2 }), first);
  assert.notEqual(
    await text({ messages: [{ role: 'system', content: 'Be brief' }, ...hello.messages] }),
    first,
  );
});

test('max_tokens ends an answer with the reason length, a stop sequence with stop', async () => {
  const cut = (await answerTo({ ...hello, max_tokens: 5 })).json;
  assert.equal(cut.choices[0].finish_reason, 'length');
  assert.equal(cut.usage.completion_tokens, 5);
  const stopped = (await answerTo({ ...hello, stop: [' not a', 'You'] })).json;
  assert.equal(stopped.choices[0].message.content, "This is Millrace's built-in simulator,");
  assert.equal(stopped.choices[0].finish_reason, 'stop');
  const none = (await answerTo({ ...hello, max_tokens: 0 })).json;
  assert.equal(none.choices[0].message.content, '');
  assert.equal(none.choices[0].finish_reason, 'length');
});

test('an answer is as long as it is asked to be: in words, by min_tokens, or without an end by ignore_eos', async () => {
  const tokens = async (body: object) => (await answerTo(body)).json;
  const words = await tokens({ messages: [{ role: 'user', content: 'Write 300 words' }] });
  assert.equal(words.usage.completion_tokens, 300);
  assert.equal(words.choices[0].finish_reason, 'stop');
  assert.equal((await tokens({ ...hello, min_tokens: 200 })).usage.completion_tokens, 200);
  const endless = await tokens({ ...hello, ignore_eos: true, max_tokens: 700 });
  assert.equal(endless.usage.completion_tokens, 700);
  assert.equal(endless.choices[0].finish_reason, 'length');
  const bounded = await tokens({ ...hello, ignore_eos: true });
  assert.equal(bounded.usage.total_tokens, 8192);
});

test('what all answers of one request make together is bounded, however large the context', async () => {
  const body = { ...hello, n: 8, ignore_eos: true };
  const { json } = await answerTo(body, { contextSize: 1_000_000 });
  assert.equal(json.usage.completion_tokens, 32_768);
});

test('several choices differ from each other, in a stream as in a whole answer', async () => {
  const { json } = await answerTo({ ...hello, n: 8 });
  const texts = json.choices.map((choice: { message: { content: string } }) => choice.message.content);
  assert.equal(texts.length, 8);
  assert.ok(new Set(texts).size > 4);
  const { chunks } = await answerTo({ ...hello, n: 8, stream: true });
  const streamed = texts.map(() => '');
  for (const chunk of chunks) {
    for (const { index, delta } of chunk.choices) streamed[index] += delta.content ?? '';
  }
  assert.deepEqual(streamed, texts);
});

test('a prompt beyond the context is refused in the words clients look for, one that fits exactly is not', async () => {
  const words = (count: number) => ({ messages: [{ role: 'user', content: 'word '.repeat(count).trim() }] });
  const long = await answerTo(words(17), { contextSize: 16 });
  assert.equal(long.status, 400);
  assert.equal(long.json.error.code, 'context_length_exceeded');
  assert.equal(long.json.error.param, 'messages');
  const exact = await answerTo(words(16), { contextSize: 16 });
  assert.equal(exact.status, 200);
  assert.equal(exact.json.choices[0].finish_reason, 'length');
});

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string' },
        unit: { enum: ['celsius', 'kelvin'] },
        days: { type: 'integer' },
      },
      required: ['city', 'unit'],
    },
  },
};
const asked = { messages: [{ role: 'user', content: 'Please get weather for Basel' }], tools: [weather] };

test('a tool that is mentioned is called with arguments of its schema, and its result is answered in words', async () => {
  const { json } = await answerTo(asked);
  const [choice] = json.choices;
  assert.equal(choice.finish_reason, 'tool_calls');
  assert.equal(choice.message.content, null);
  const [call] = choice.message.tool_calls;
  assert.equal(call.function.name, 'get_weather');
  assert.deepEqual(JSON.parse(call.function.arguments), { city: 'text', unit: 'celsius' });
  const messages = [
    ...asked.messages,
    choice.message,
    { role: 'tool', tool_call_id: call.id, content: 'sunny, 21 degrees' },
  ];
  const after = (await answerTo({ ...asked, messages, tool_choice: 'required' })).json;
  assert.match(after.choices[0].message.content, /The tool get_weather answered: sunny, 21 degrees\./);
});

test('a streamed tool call begins with its name and comes in fragments that make up the same arguments', async () => {
  const whole = (await answerTo(asked)).json.choices[0].message.tool_calls[0];
  const { chunks } = await answerTo({ ...asked, stream: true });
  const deltas = chunks.flatMap((chunk) => chunk.choices[0]?.delta?.tool_calls ?? []);
  assert.equal(deltas[0].id, whole.id);
  assert.equal(deltas[0].function.name, 'get_weather');
  assert.ok(deltas.length > 5);
  assert.equal(deltas.map((delta) => delta.function.arguments).join(''), whole.function.arguments);
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'tool_calls');
});

test('tool_choice decides: none never calls, required always, a name calls that one, an unknown name is refused', async () => {
  const other = { type: 'function', function: { name: 'other' } };
  const unrelated = { ...hello, tools: [weather, other] };
  const calls = async (body: object) =>
    (await answerTo(body)).json.choices[0].message.tool_calls?.map(
      (call: { function: { name: string } }) => call.function.name,
    );
  assert.equal(await calls(unrelated), undefined);
  assert.equal(await calls({ ...asked, tool_choice: 'none' }), undefined);
  assert.deepEqual(await calls({ ...unrelated, tool_choice: 'required' }), ['get_weather']);
  const named = (name: string) => ({ type: 'function', function: { name } });
  assert.deepEqual(await calls({ ...unrelated, tool_choice: named('other') }), ['other']);
  const refused = await answerTo({ ...unrelated, tool_choice: named('third') });
  assert.equal(refused.status, 400);
  assert.equal(refused.json.error.param, 'tool_choice');
  const both = {
    messages: [{ role: 'user', content: 'call other and get_weather' }],
    tools: [weather, other],
  };
  assert.deepEqual(await calls(both), ['get_weather', 'other']);
  assert.deepEqual(await calls({ ...both, parallel_tool_calls: false }), ['get_weather']);
});

test('reasoning comes first when it is asked for, and is counted', async () => {
  const { json } = await answerTo({ ...hello, reasoning_effort: 'low' });
  const { reasoning_content: reasoning } = json.choices[0].message;
  assert.match(reasoning, /cannot think/);
  const counted = json.usage.completion_tokens_details.reasoning_tokens;
  assert.ok(counted > 10 && counted < json.usage.completion_tokens);
  const { chunks } = await answerTo({ ...hello, reasoning_effort: 'low', stream: true });
  const kinds = chunks.map((chunk) =>
    chunk.choices[0].delta.reasoning_content === undefined ? 'text' : 'thought',
  );
  assert.equal(kinds.lastIndexOf('thought') + 1, kinds.indexOf('text'));
  const off = (await answerTo({ ...hello, reasoning_effort: 'none' }, { reasoning: true })).json;
  assert.equal(off.choices[0].message.reasoning_content, undefined);
  assert.match(
    (await answerTo(hello, { reasoning: true })).json.choices[0].message.reasoning_content,
    /think/,
  );
});

test('structured output is JSON: any object, or an instance of the schema; a schema nobody can meet is refused', async () => {
  const content = async (format: object) =>
    JSON.parse((await answerTo({ ...hello, response_format: format })).json.choices[0].message.content);
  assert.equal((await content({ type: 'json_object' })).said, 'Hello there');
  const schema = { type: 'object', properties: { age: { type: 'integer', minimum: 18 } }, required: ['age'] };
  assert.deepEqual(await content({ type: 'json_schema', json_schema: { name: 'person', schema } }), {
    age: 18,
  });
  const impossible = {
    type: 'json_schema',
    json_schema: { name: 'x', schema: { type: 'string', minLength: 2, maxLength: 1 } },
  };
  const refused = await answerTo({ ...hello, response_format: impossible });
  assert.equal(refused.status, 400);
  assert.equal(refused.json.error.param, 'response_format');
});

test('completions answer each prompt, repeat it when asked to echo, and count both', async () => {
  const path = '/v1/completions';
  const { json } = await answerTo({ prompt: ['one', 'two three'], echo: true, max_tokens: 4 }, { path });
  assert.equal(json.object, 'text_completion');
  assert.deepEqual(
    json.choices.map((choice: { text: string }) => choice.text),
    ["oneThis is Millrace'", "two threeThis is Millrace'"],
  );
  assert.deepEqual(json.usage, { prompt_tokens: 3, completion_tokens: 8, total_tokens: 11 });
  const { chunks } = await answerTo({ prompt: 'one', stream: true }, { path: '/completions' });
  assert.match(chunks.map((chunk) => chunk.choices[0].text).join(''), /You said: “one”/);
});

test('embeddings keep their order, honour dimensions and encoding, and count tokens', async () => {
  const path = '/v1/embeddings';
  const { json } = await answerTo({ input: ['one', 'two three'] }, { path });
  assert.equal(json.data.length, 2);
  assert.equal(json.data[1].embedding.length, 384);
  assert.equal(json.usage.prompt_tokens, 3);
  const coded = (await answerTo({ input: 'one', dimensions: 16, encoding_format: 'base64' }, { path })).json;
  const plain = (await answerTo({ input: 'one', dimensions: 16 }, { path })).json.data[0].embedding;
  const bytes = Buffer.from(coded.data[0].embedding, 'base64');
  assert.equal(bytes.length, 64);
  assert.ok(
    plain.every((value: number, index: number) => Math.abs(value - bytes.readFloatLE(index * 4)) < 1e-7),
  );
  const refused = await answerTo({ input: 'one', dimensions: 5000 }, { path });
  assert.equal(refused.json.error.param, 'dimensions');
});
