// Two engines with one model: a stream whose engine is killed is gone on with from its very tokens (U1).
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import OpenAI from 'openai';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { type GgufShape, writeGguf } from '../upstream/tiny-gguf.ts';
import { installEngine } from './install-engine.ts';

const asked: OpenAI.ChatCompletionCreateParamsStreaming = {
  model: 'm',
  messages: [{ role: 'user', content: `Tell me of rivers, ${'of mills and of flour, '.repeat(4)}` }],
  temperature: 0,
  max_tokens: 500,
  stream: true,
  stream_options: { include_usage: true },
};

interface Row {
  readonly carriedOn?: ReadonlyArray<{ readonly toUpstream: string; readonly tokensAgain: number }>;
}

type Model = (folder: string) => string;

const tiny: GgufShape = { dimensions: 64, feedForward: 128, layers: 2, heads: 4 };
/** The smallest whose words change soon where its numbers change a little, as those of all quantised models do. */
const quantised: GgufShape = { dimensions: 256, feedForward: 704, layers: 3, heads: 4, matrices: 'q8_0' };

function modelOf(shape: GgufShape): Model {
  return (folder) => {
    const path = join(folder, 'tiny.gguf');
    writeGguf(path, shape);
    return path;
  };
}

interface Rig {
  /** Of `m` they are asked in this order, of `late` from the last. */
  readonly engines: readonly Model[];
  readonly config?: object;
}

async function openEngines(t: TestContext, { engines, config }: Rig) {
  await installEngine();
  const children: ChildProcess[] = [];
  const note = (message: unknown) => void children.push((message as { process: ChildProcess }).process);
  subscribe('child_process', note);
  const folder = mkdtempSync(join(tmpdir(), 'millrace-engines-'));
  const upstreams = engines.map((file, index) => {
    const engine = { type: 'llamacpp', file: file(folder), slots: 1, contextSize: 2048 };
    return [`engine-${index}`, engine] as const;
  });
  const gateway = await openTestGateway({
    config: {
      upstreams: Object.fromEntries(upstreams),
      models: { m: { targets: tiersOf(upstreams) }, late: { targets: tiersOf(upstreams.toReversed()) } },
      ...config,
    },
  });
  unsubscribe('child_process', note);
  t.after(async () => {
    await gateway.close();
    rmSync(folder, { recursive: true });
  });
  return { gateway, children };
}

function tiersOf(upstreams: ReadonlyArray<readonly [name: string, engine: object]>): readonly object[] {
  return upstreams.map(([upstream], index) => ({ upstream, model: 'tiny', tier: index + 1 }));
}

/** All of a stream's text, and what it says of its usage; `onChunk` is told how many pieces came. */
async function read(
  gateway: TestGateway,
  model: 'm' | 'late',
  onChunk: (pieces: number, text: string) => void = () => {},
) {
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  const stream = await client.chat.completions.create({ ...asked, model });
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

test('U1: of a quantised model, an answer whose engines are killed is to the last byte what it would have been', async (t) => {
  const model = modelOf(quantised);
  const engines = [model, model, model, model];
  const { gateway, children } = await openEngines(t, { engines, config: { retries: { quarantineMs: 0 } } });
  const killed: string[] = [];
  const kill = (points: Readonly<Record<number, number>>) => (came: number) => {
    const engine = points[came];
    if (engine !== undefined && children[engine]?.kill('SIGKILL')) killed.push(`${engine} at ${came}`);
  };
  const seams = () => {
    const { carriedOn } = JSON.parse(gateway.exchangeLines.at(-1) ?? '') as Row;
    return carriedOn?.map(({ toUpstream, tokensAgain }) => [toUpstream, tokensAgain]);
  };

  const first = await read(gateway, 'm');
  assert.equal(first.stop, 'length');
  assert.ok(new Set(first.text).size > 8, 'it says more than one thing');
  // An engine that knows the question computes its last token by itself, and has other numbers.
  const second = await read(gateway, 'm');
  assert.deepEqual(await read(gateway, 'm', kill({ 1: 0, 200: 1 })), second);
  const noneTwice = [
    ['engine-1', 0],
    ['engine-2', 0],
  ];
  assert.deepEqual(seams(), noneTwice, 'no token is drawn twice');
  // One that does not know it is gone on with by one that does.
  assert.deepEqual(await read(gateway, 'late', kill({ 70: 3 })), first);
  assert.deepEqual(seams(), [['engine-2', 0]]);
  assert.deepEqual(killed, ['0 at 1', '1 at 200', '3 at 70']);
});

test('U1, G17: an engine with another file goes on from the text, or its client hears that it could not', async (t) => {
  const model = modelOf(tiny);
  // The same model; only its file says that it might not be.
  const other: Model = (folder) => {
    const path = join(folder, 'other.gguf');
    writeFileSync(path, Buffer.concat([readFileSync(model(folder)), Buffer.alloc(64)]));
    return path;
  };
  const { gateway, children } = await openEngines(t, { engines: [model, other] });
  const uninterrupted = await read(gateway, 'm');
  let came = '';
  const reading = read(gateway, 'm', (pieces, text) => {
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
