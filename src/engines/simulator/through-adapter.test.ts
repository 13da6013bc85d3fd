/** The simulator as the gateway meets it: through the adapter that OpenAI itself is reached with. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { optionsOf, Recorder } from '../../../test/simulator-rig.ts';
import type { Call, JsonObject } from '../../core/call.ts';
import type { Endpoint } from '../../core/exchange.ts';
import type { Part } from '../../core/part.ts';
import { systemClock } from '../../lib/clock.ts';
import { ollamaChat } from '../../protocol/ollama-chat.ts';
import { simpleComplete } from '../../protocol/simple-complete.ts';
import { simpleEmbeddings } from '../../protocol/simple-embeddings.ts';
import { simpleGenerate } from '../../protocol/simple-generate.ts';
import { openaiAdapter } from '../../providers/openai/adapter.ts';
import { simulatorAdapter } from '../../providers/simulator/adapter.ts';
import type { SimulatorOptions } from '../simulator-options.ts';
import { createSimulator, simulatorModel } from './engine.ts';

const callOf = (endpoint: Endpoint, value: JsonObject): Call =>
  endpoint.parse({ bytes: Buffer.from(JSON.stringify(value)), value, spans: new Map() });

async function send(call: Call, overrides: Partial<SimulatorOptions> = {}): Promise<Recorder> {
  const simulator = createSimulator(
    optionsOf({ firstTokenMs: 0, tokensPerSecond: 0, ...overrides }),
    systemClock,
  );
  const recorder = new Recorder();
  simulator.send(openaiAdapter.encode(call, simulatorModel).request, recorder);
  await recorder.over;
  await simulator.close();
  return recorder;
}

test('a whole answer is decoded with its text, its reason to stop and its usage', async () => {
  const call = callOf(simpleComplete, { query: 'Who?', context: 'Ada', max_tokens: 24 });
  const result = openaiAdapter.decode(call, (await send(call)).json);
  assert.ok(result.kind === 'text');
  assert.match(result.choices[0]?.text ?? '', /You said: “Who\?”/);
  assert.equal(result.choices[0]?.stop, 'length');
  assert.deepEqual(result.usage, { inputTokens: 3, outputTokens: 24 });
});

test('a stream is decoded to the same text, usage included, and ends with its end marker', async () => {
  const call = callOf(simpleGenerate, { prompt: 'Hello', stream: true });
  const decode = openaiAdapter.openDecoder(call);
  const events = (await send(call)).text.split('\n\n').filter((event) => event !== '');
  const parts = events.flatMap((event): readonly Part[] =>
    decode({ event: '', data: event.slice('data: '.length) }),
  );
  const whole = openaiAdapter.decode(call, (await send({ ...call, stream: false })).json);
  assert.ok(whole.kind === 'text');
  const text = parts.map((part) => (part.type === 'text-delta' ? part.text : '')).join('');
  assert.equal(text, whole.choices[0]?.text);
  assert.deepEqual(
    parts.filter((part) => part.type !== 'text-delta'),
    [
      { type: 'choice-ended', stop: 'stop', choice: 0 },
      { type: 'usage', usage: whole.usage },
      { type: 'reply-ended' },
    ],
  );
});

test('vectors are decoded at the length asked for', async () => {
  const call = callOf(simpleEmbeddings, { text: ['one', 'two'], dimensions: 8 });
  const result = openaiAdapter.decode(call, (await send(call)).json);
  assert.ok(result.kind === 'vectors');
  assert.deepEqual(
    result.vectors.map((vector) => vector.length),
    [8, 8],
  );
});

test('its refusals are understood for what they are', async () => {
  const failureOf = ({ status, text }: Recorder) => openaiAdapter.decodeFailure(status, text).code;
  const long = callOf(simpleGenerate, { prompt: 'word '.repeat(50) });
  assert.equal(failureOf(await send(long, { contextSize: 16 })), 'context_length_exceeded');
  const plain = callOf(simpleGenerate, { prompt: 'Hi' });
  assert.equal(failureOf(await send(plain, { failureRate: 1, failures: ['status'] })), 'upstream_failed');
});

test('an answer that was begun is gone on with from there, to the same end', async () => {
  const value = { model: simulatorModel, messages: [{ role: 'user', content: 'Tell me 60 words' }] };
  const call = callOf(ollamaChat, { ...value, stream: false });
  assert.ok(call.kind === 'chat');
  const textOf = async (asked: Call) => {
    const result = simulatorAdapter.decode(asked, (await send(asked)).json);
    assert.ok(result.kind === 'text');
    return { ...result.choices[0], usage: result.usage };
  };
  const whole = await textOf(call);
  for (const chars of [1, 40, 73, (whole.text?.length ?? 0) - 1]) {
    const text = whole.text?.slice(0, chars) ?? '';
    const begun = { text, again: '', tokensAgain: 0, reasoning: '', tokens: undefined };

    const rest = await textOf({ ...call, begun });
    assert.equal(text + rest.text, whole.text);
    assert.equal(rest.stop, 'stop');
    assert.ok((rest.usage?.inputTokens ?? 0) > (whole.usage?.inputTokens ?? 0), 'what was begun is read');
  }
});
