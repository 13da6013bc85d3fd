// G18: a stream is complete only with its protocol's end marker; whatever else happens to it, the client is told.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { openTestGateway } from '../gateway.ts';
import { times } from '../soak.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import type { RawReply } from '../upstream/raw-client.ts';
import { type FaultRig, openFaultRig, rigOf, until } from './rig.ts';

type Dialect = 'openai' | 'ollama';

/** The smallest answer with everything in it that breaks when it is cut: two texts, one of them beyond ASCII. */
const spoken: Partial<Behaviour> = { chunks: ['é🌊', ' b'], id: 'x', reasoning: 'never' };

const pairs: ReadonlyArray<{ readonly client: Dialect; readonly upstream: Dialect }> = [
  { client: 'openai', upstream: 'openai' },
  { client: 'ollama', upstream: 'ollama' },
  { client: 'openai', upstream: 'ollama' },
  { client: 'ollama', upstream: 'openai' },
];

const commented: ReadonlyArray<Partial<Behaviour>> = [
  { comments: true },
  { comments: true, lineEnding: '\r\n', splitBytes: 3 },
];

interface Read {
  readonly text: string;
  /** Whether the dialect's own end marker came. */
  readonly ended: boolean;
  /** What the dialect says of a failure, inside the stream or in place of it. */
  readonly error: unknown;
}

const stream = (rig: FaultRig, { client, upstream }: (typeof pairs)[number]) =>
  rig.ask({
    route: client === 'openai' ? 'openai.chat' : 'ollama.chat',
    model: upstream === 'openai' ? 'o' : 'l',
    stream: true,
  });

/** Reads as the official clients do: nothing but whole events, each of which must parse. */
function read(dialect: Dialect, reply: RawReply): Read {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(reply.content);
  if (!reply.head.startsWith('HTTP/1.1 200'))
    return { text: '', ended: false, error: JSON.parse(text).error };
  return dialect === 'openai' ? readSse(text) : readLines(text);
}

function readSse(text: string): Read {
  const events = text.split(/\r?\n\r?\n/);
  assert.equal(events.pop(), '', 'a stream ends after a whole event');
  const data = events
    .map((event) => event.split(/\r?\n/).filter((line) => line.startsWith('data:')))
    .flatMap((lines) => (lines.length === 0 ? [] : [lines.map((line) => line.slice(5).trim()).join('\n')]));
  const chunks = data.filter((each) => each !== '[DONE]').map((each) => JSON.parse(each));
  return {
    text: chunks.map((chunk) => chunk.choices?.[0]?.delta?.content ?? '').join(''),
    ended: data.includes('[DONE]'),
    error: chunks.find((chunk) => chunk.error !== undefined)?.error,
  };
}

function readLines(text: string): Read {
  const lines = text.split(/\r?\n/);
  assert.equal(lines.pop(), '', 'a stream ends after a whole line');
  const chunks = lines.filter((line) => line !== '').map((line) => JSON.parse(line));
  return {
    text: chunks.map((chunk) => chunk.message?.content ?? '').join(''),
    ended: chunks.at(-1)?.done === true,
    error: chunks.find((chunk) => chunk.error !== undefined)?.error,
  };
}

/** The oracle: all of it and its end, or the start of it and an error. Never an end without all, or nothing at all. */
function assertHonest(dialect: Dialect, reply: RawReply, label: string): Read {
  const { text, ended, error } = read(dialect, reply);
  assert.ok('é🌊 b'.startsWith(text), `${label}: the text is what the upstream said: ${text}`);
  assert.equal(ended, error === undefined, `${label}: an end or an error, and not both`);
  if (ended) assert.equal(text, 'é🌊 b', `${label}: what is complete is whole`);
  else assertErrorForm(dialect, reply, error);
  assert.ok(reply.isComplete, `${label}: the connection is not cut beneath an answer`);
  return { text, ended, error };
}

/** The exact form in which each dialect's clients look for an error. */
function assertErrorForm(dialect: Dialect, reply: RawReply, error: unknown): void {
  if (dialect === 'ollama') {
    assert.equal(typeof error, 'string');
    return;
  }
  const id = /^x-millrace-id: (.+?)\r?$/im.exec(reply.head)?.[1];
  const { message, ...rest } = error as Record<string, unknown>;
  assert.equal(typeof message, 'string');
  assert.ok(['upstream_cut', 'bad_upstream_response', 'upstream_failed'].includes(String(rest['code'])));
  assert.deepEqual(rest, { type: 'server_error', param: null, code: rest['code'], request_id: id });
}

async function recordedBytes(rig: FaultRig, pair: (typeof pairs)[number]): Promise<number> {
  assertHonest(pair.client, await stream(rig, pair), 'uncut');
  const request = await rig.llm.waitForRequest((each) => each.method === 'POST');
  return request.bytesSent;
}

const cuts = {
  'a chunked body is cut': { at: 'cutAfterBytes', step: 1 },
  'the connection ends the body': { at: 'cutAfterBytes', step: times(3, 1), framing: 'close-delimited' },
  'the connection is reset': { at: 'resetAfterBytes', step: 7 },
} as const;

async function cutEverywhere(t: TestContext, pair: (typeof pairs)[number], how: keyof typeof cuts) {
  const rig = await openFaultRig(t, { behaviour: spoken, config: { retries: { attempts: 1 } } });
  const length = await recordedBytes(rig, pair);
  const { at, step, ...framing } = cuts[how];
  let failed = 0;
  for (let bytes = 0; bytes < length; bytes += step) {
    rig.llm.scriptNext({ [at]: bytes, ...framing });
    const label = `${how} after ${bytes} of ${length} bytes`;
    const { ended } = assertHonest(pair.client, await stream(rig, pair), label);
    if (!ended) failed += 1;
  }
  await rig.quiet();
  return { rig, failed, length };
}

for (const pair of pairs) {
  const name = `${pair.upstream} to ${pair.client}`;

  for (const how of Object.keys(cuts) as ReadonlyArray<keyof typeof cuts>) {
    test(`G18, U1, U9, U10: ${name}: where ${how}, the stream is whole or tells of its error, and counts as failed`, async (t) => {
      const { rig, failed, length } = await cutEverywhere(t, pair, how);
      assert.ok(failed > length / cuts[how].step / 2, `most cuts lose something: ${failed} of ${length}`);
      const route = `${pair.client}.chat`;
      assert.equal(await rig.metric('millrace_exchanges_total', { route, outcome: 'failed' }), failed);
      await until('the spool has them all', async () => {
        const rows = rig.exchanges().filter((row) => row.route === route);
        return rows.filter((row) => row.outcome === 'failed').length === failed;
      });
    });
  }

  test(`G18, U8: ${name}: however the bytes are cut and framed, the text is the same`, async (t) => {
    const rig = await openFaultRig(t, { behaviour: spoken });
    const shapes: ReadonlyArray<Partial<Behaviour>> = [
      ...[1, 2, 3, 5, 7, 64].map((splitBytes) => ({ splitBytes })),
      { lineEnding: '\r\n' },
      { lineEnding: '\r\n', splitBytes: 1 },
      { bom: true },
      { bom: true, splitBytes: 1 },
      // Lines of JSON have no comments.
      ...(pair.upstream === 'openai' ? commented : []),
      { endMarker: 'twice' },
      { framing: 'close-delimited' },
    ];
    for (const shape of shapes) {
      rig.llm.scriptNext(shape);
      const label = JSON.stringify(shape);
      assert.deepEqual(
        assertHonest(pair.client, await stream(rig, pair), label),
        { text: 'é🌊 b', ended: true, error: undefined },
        label,
      );
    }
  });

  test(`G18, U8, U9: ${name}: a stream without its end, or with an error in it, has failed`, async (t) => {
    const rig = await openFaultRig(t, { behaviour: spoken, config: { retries: { attempts: 1 } } });
    const faults: ReadonlyArray<Partial<Behaviour>> = [
      { endMarker: 'never' },
      { endMarker: 'never', framing: 'close-delimited' },
      { endMarker: 'never', finishReason: null },
      { errorEventAfter: 0 },
      { errorEventAfter: 1 },
      { malformedEvent: 0 },
      { malformedEvent: 1 },
      { framing: 'length-too-short' },
      { invalidUtf8: true },
    ];
    for (const fault of faults) {
      rig.llm.scriptNext(fault);
      const { ended } = assertHonest(pair.client, await stream(rig, pair), JSON.stringify(fault));
      assert.equal(ended, false, JSON.stringify(fault));
    }
    await rig.quiet();
    assert.equal(await rig.metric('millrace_exchanges_total', { outcome: 'failed' }), faults.length);
  });
}

test('U9, K1: what a server told of its usage before it failed is paid to it, and is not what the next one came to', async (t) => {
  const events = [
    { choices: [], usage: { prompt_tokens: 1_000, completion_tokens: 500, total_tokens: 1_500 } },
    { error: { message: 'it is out of memory', type: 'server_error' } },
  ];
  const failing = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
  });
  failing.listen(0, '127.0.0.1');
  await once(failing, 'listening');
  t.after(() => failing.close());
  const { port } = failing.address() as AddressInfo;
  const llm = await openFakeLlm({ usage: 'absent', chunks: ['one', ' two'] });
  t.after(() => llm.close());
  const gateway = await openTestGateway({
    config: {
      upstreams: {
        failing: { type: 'openai', url: `http://127.0.0.1:${port}/v1` },
        silent: { type: 'openai', url: `${llm.url}/v1` },
      },
      models: {
        o: {
          targets: ['failing', 'silent'].map((upstream, tier) => ({ upstream, model: 'm', tier: tier + 1 })),
        },
      },
    },
  });
  t.after(() => gateway.close());
  const rig = rigOf(llm, gateway);
  await rig.ask({ route: 'openai.chat', stream: true });
  await rig.quiet();
  const row = rig.exchanges().find(({ route }) => route === 'openai.chat') as
    | { outputTokens?: number }
    | undefined;
  assert.equal(row?.outputTokens, 500 + 2);
});
