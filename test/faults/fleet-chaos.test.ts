// G17, G23 in the small: five servers that misbehave at random and clients of three tenants that leave at random.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createRandom } from '../../src/engines/simulator/random.ts';
import { times } from '../soak.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { openRawClient, type RawReply } from '../upstream/raw-client.ts';
import { type Dialect, openCarriedRig, readStream, whole } from './carried-rig.ts';

const asked = times(180, 4_000);
const clients = 40;
const slots = 4;
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

const types: readonly Dialect[] = ['openai', 'openai', 'openai', 'ollama', 'ollama'];
const paths: Readonly<Record<Dialect, string>> = { openai: '/v1/chat/completions', ollama: '/api/chat' };
/** What a client may be told besides an answer: never that its key or its money is at fault. */
const outages: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** The first of it, and what breaks it behind that. */
const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'fake-model' };
const said = {
  ...head,
  choices: [{ index: 0, delta: { role: 'assistant', content: 'The' }, finish_reason: null }],
};
const inOnePiece = `data: ${JSON.stringify(said)}\n\ndata: {"error":{"message":"out of memory"}}\n\n`;

/** One of them for each request; those that answer stand in it several times. */
const moods: ReadonlyArray<(chunk: number) => Partial<Behaviour>> = [
  ...Array.from({ length: 5 }, () => () => ({})),
  () => ({ tokensPerSecond: 2_000 }),
  () => ({ splitBytes: 7 }),
  () => ({ usage: 'absent' }),
  (chunk) => ({ cutAfterChunks: chunk }),
  (chunk) => ({ resetAfterChunks: chunk }),
  (chunk) => ({ stallAfterChunks: chunk }),
  (chunk) => ({ errorEventAfter: chunk }),
  (chunk) => ({ malformedEvent: chunk }),
  (chunk) => ({ cutAfterBytes: chunk * 97 + 13 }),
  () => ({ endMarker: 'never' }),
  () => ({ begun: 'anew', endMarker: 'never' }),
  () => ({ invalidUtf8: true }),
  () => ({ framing: 'length-too-long' }),
  () => ({ stallBeforeHead: true }),
  () => ({ resetAfterRequest: true }),
  () => ({ body: '<html>It works</html>' }),
  () => ({ body: inOnePiece, headers: { 'content-type': 'text/event-stream' } }),
  () => ({ status: 500 }),
  () => ({ status: 503, headers: { 'retry-after': '0' } }),
];

/** As many keys as tenants. */
const keys = ['one', 'two', 'three'].map((tenant) => {
  const key = `sk-mr-${randomBytes(20).toString('hex')}`;
  return { name: tenant, key, tenant, role: 'developer' };
});

test(`G17: of ${asked} requests to five servers that fail at random each has one honest end, and nothing is left of them, seed ${seed}`, async (t) => {
  const random = createRandom(seed);
  const draw = (below: number) => Math.floor(random() * below);
  const targets = types.map((_, at) => ({ upstream: `s${at}`, model: 'fake-model' }));
  const model = { targets, clocks: { firstTokenMs: 400, loadMs: 400, idleMs: 300, totalMs: 2_000 } };
  const rig = await openCarriedRig(t, {
    servers: types.map((type) => ({ type, slots })),
    config: {
      keys,
      models: { o: { ...model, carryOn: 'on' }, p: { ...model, carryOn: 'off' } },
      retries: { attempts: 3, budget: 1, quarantineMs: 200 },
      health: { eject: { baseMs: 100, maxMs: 300, slowStartMs: 100 } },
    },
  });
  const { gateway } = rig;
  for (const server of rig.servers) {
    const script = Array.from({ length: asked }, () => moods[draw(moods.length)]?.(draw(40)) ?? {});
    server.scriptNext(...script);
  }
  const ends: Record<string, number> = {};
  let sent = 0;
  const askOnce = async () => {
    sent += 1;
    const call = { ...drawCall(draw), leavesMs: draw(6) === 0 ? draw(100) : undefined };
    const end = await endOf(gateway.port, call, sent);
    ends[end] = (ends[end] ?? 0) + 1;
  };
  const askOn = async () => {
    while (sent < asked) await askOnce();
  };
  await Promise.all(Array.from({ length: clients }, askOn));
  await rig.quiet();
  t.diagnostic(JSON.stringify(ends));
  const { scheduler, drains } = gateway.gateway.lasting;
  assert.deepEqual([scheduler.waiting, scheduler.occupied, drains.streams.moveFrom('s0')], [0, [], 0]);
  const lines = gateway.exchangeLines
    .map((line) => JSON.parse(line) as Line)
    .filter(({ model }) => model !== '');
  const count = (outcome: string) => lines.filter((line) => line.outcome === outcome).length;
  const { complete = 0, failed = 0, left = 0 } = ends;
  assert.equal(new Set(lines.map(({ id }) => id)).size, lines.length, 'none is written down twice');
  assert.ok(complete > 0 && failed > 0);
  // Who left may have had all of it by then, or may have left before it was asked anything.
  assert.ok(count('complete') >= complete && count('complete') <= complete + left);
  assert.ok(count('failed') >= failed && count('failed') <= failed + left);
  assert.ok(lines.length >= complete + failed && lines.length <= asked);
  assert.deepEqual(
    lines.filter(({ code }) => code === 'internal'),
    [],
  );
});

interface Line {
  readonly id: string;
  readonly model: string;
  readonly outcome: string;
  readonly code?: string;
}

interface Drawn {
  readonly key: string;
  readonly dialect: Dialect;
  readonly stream: boolean;
  readonly model: string;
  /** Equal ones are given one answer. */
  readonly isEqual: boolean;
}

function drawCall(draw: (below: number) => number): Drawn {
  const key = keys[draw(keys.length)]?.key ?? '';
  const model = draw(2) === 0 ? 'o' : 'p';
  const dialect = draw(2) === 0 ? 'openai' : 'ollama';
  return { key, dialect, model, stream: draw(3) > 0, isEqual: draw(3) === 0 };
}

type End = 'complete' | 'failed' | 'left';

async function endOf(
  port: number,
  call: Drawn & { readonly leavesMs: number | undefined },
  number: number,
): Promise<End> {
  const { key, dialect, stream, model, isEqual, leavesMs } = call;
  const messages = [{ role: 'user', content: isEqual ? 'the same' : `number ${number}` }];
  const drawn = dialect === 'openai' ? { temperature: 0 } : { options: { temperature: 0 } };
  const client = openRawClient(port);
  client.send(`/k/${key}${paths[dialect]}`, { model, messages, stream, ...drawn });
  const leaving = leavesMs === undefined ? undefined : setTimeout(() => client.socket.destroy(), leavesMs);
  const reply = await client.reply();
  clearTimeout(leaving);
  // Whoever leaves has a part of it, or all.
  if (leavesMs !== undefined && !reply.isComplete) return 'left';
  assert.ok(reply.isComplete, `cut off: ${reply.head} ${reply.content}`);
  return stream && reply.head.startsWith('HTTP/1.1 200')
    ? endOfStream(dialect, reply)
    : endOfWhole(dialect, reply);
}

function endOfStream(dialect: Dialect, reply: RawReply): End {
  const { text, ended } = readStream(dialect, reply);
  if (ended) assert.equal(text, whole);
  else assert.ok(whole.startsWith(text), `it never said ${text}`);
  return ended ? 'complete' : 'failed';
}

function endOfWhole(dialect: Dialect, { head, content }: RawReply): End {
  const status = Number(head.slice(9, 12));
  if (status !== 200) {
    assert.ok(outages.has(status), `${head} ${content}`);
    return 'failed';
  }
  const body = JSON.parse(content.toString()) as Whole;
  assert.equal(dialect === 'openai' ? body.choices?.[0]?.message.content : body.message?.content, whole);
  return 'complete';
}

interface Message {
  readonly content: string;
}

interface Whole {
  readonly choices?: ReadonlyArray<{ readonly message: Message }>;
  readonly message?: Message;
}
