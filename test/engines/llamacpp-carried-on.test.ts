// Two engines with one model: a stream whose engine is killed is gone on with from its very tokens (U1).
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import OpenAI from 'openai';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { installEngine } from './install-engine.ts';
import { makeTinyModel } from './llamacpp-child.ts';

const asked: OpenAI.ChatCompletionCreateParamsStreaming = {
  model: 'm',
  messages: [{ role: 'user', content: 'Tell me of rivers' }],
  temperature: 0,
  max_tokens: 500,
  stream: true,
  stream_options: { include_usage: true },
};

async function openEngines(t: TestContext, secondFile: (path: string) => string = (path) => path) {
  await installEngine();
  const children: ChildProcess[] = [];
  const note = (message: unknown) => void children.push((message as { process: ChildProcess }).process);
  subscribe('child_process', note);
  const { folder, path } = makeTinyModel();
  const engine = { type: 'llamacpp', file: path, slots: 1, contextSize: 2048 };
  const gateway = await openTestGateway({
    config: {
      upstreams: { a: engine, b: { ...engine, file: secondFile(path) } },
      models: {
        m: {
          targets: [
            { upstream: 'a', model: 'tiny' },
            { upstream: 'b', model: 'tiny', tier: 2 },
          ],
        },
      },
    },
  });
  unsubscribe('child_process', note);
  t.after(async () => {
    await gateway.close();
    rmSync(folder, { recursive: true });
  });
  return { gateway, children };
}

/** All of a stream's text, and what it says of its usage; `onChunk` is told how many pieces came. */
async function read(gateway: TestGateway, onChunk: (pieces: number, text: string) => void = () => {}) {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  const stream = await client.chat.completions.create(asked);
  let text = '';
  let pieces = 0;
  let stop: string | null = null;
  let usage: OpenAI.CompletionUsage | null | undefined;
  for await (const chunk of stream) {
    const [choice] = chunk.choices;
    assert.ok(!JSON.stringify(chunk).includes('millrace_'), 'what is between engine and gateway stays there');
    text += choice?.delta.content ?? '';
    stop = choice?.finish_reason ?? stop;
    usage = chunk.usage ?? usage;
    if (!choice?.delta.content) continue;
    pieces += 1;
    onChunk(pieces, text);
  }
  return { text, stop, usage: usage && { ...usage, prompt_tokens_details: undefined } };
}

for (const pieces of [1, 7, 200]) {
  test(`U1: killed at piece ${pieces}, the answer of the tiny model is to the last byte what it would have been`, async (t) => {
    const { gateway, children } = await openEngines(t);
    const uninterrupted = await read(gateway);
    assert.equal(uninterrupted.stop, 'length');
    assert.ok(new Set(uninterrupted.text).size > 8, 'it says more than one thing');
    let killed = false;
    const carried = await read(gateway, (came) => {
      if (came >= pieces && !killed) killed = children[0]?.kill('SIGKILL') === true;
    });
    assert.ok(killed);
    assert.deepEqual(carried, uninterrupted);
    const row = JSON.parse(gateway.exchangeLines.at(-1) ?? '') as {
      carriedOn?: readonly { tokensAgain: number }[];
    };
    assert.deepEqual(
      row.carriedOn?.map(({ tokensAgain }) => tokensAgain),
      [0],
      'no token is drawn twice',
    );
  });
}

test('U1, G17: an engine with another file goes on from the text, or its client hears that it could not', async (t) => {
  const { gateway, children } = await openEngines(t, (path) => {
    // The same model; only its file says that it might not be.
    const other = `${path}.other.gguf`;
    writeFileSync(other, Buffer.concat([readFileSync(path), Buffer.alloc(64)]));
    return other;
  });
  const uninterrupted = await read(gateway);
  let came = '';
  const reading = read(gateway, (pieces, text) => {
    came = text;
    if (pieces === 40) children[0]?.kill('SIGKILL');
  });
  const carried = await reading.catch((thrown: unknown) => {
    assert.ok(thrown instanceof OpenAI.APIError);
    return undefined;
  });
  if (carried === undefined) assert.ok(uninterrupted.text.startsWith(came));
  else assert.equal(carried.stop, 'length');
  assert.equal(came.slice(0, 40), uninterrupted.text.slice(0, 40));
});
