// G14–G18 over HTTP/2: many calls share a connection, and nothing that happens to one of them touches another.
import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { test } from 'node:test';
import type { RawClient } from '../upstream/raw-client.ts';
import { type Call, until } from './rig.ts';
import { openTlsRig, type TlsRig } from './tls-rig.ts';

const whole: Call = { route: 'openai.chat' };
const stream: Call = { ...whole, stream: true };
const paced = { endless: true, tokensPerSecond: 50 };
const isCall = ({ method }: { method: string }) => method === 'POST';

const tokens = (client: RawClient): number => client.bytes().toString().split('"content":').length - 1;

/** Begins so many streams, and settles when each has said something. */
async function begin(rig: TlsRig, count: number, call: Call = stream): Promise<readonly RawClient[]> {
  const clients = Array.from({ length: count }, () => rig.send(call));
  await until('every stream runs', () => clients.every((client) => tokens(client) > 1));
  return clients;
}

/** How many connections carry the calls that are being answered. */
const carrying = ({ front }: TlsRig): number =>
  new Set([...front.answering].map(({ stream, socket }) => stream?.session ?? socket)).size;

async function leave(rig: TlsRig, clients: readonly RawClient[]): Promise<void> {
  for (const { socket } of clients) socket.destroy();
  await rig.quiet();
}

for (const protocol of ['h2', 'http/1.1'] as const) {
  test(`answers come whole and as streams from an upstream that negotiates ${protocol}`, async (t) => {
    const rig = await openTlsRig(t, { protocol });
    for (const model of ['o', 'l']) {
      for (const route of ['openai.chat', 'ollama.chat'] as const) {
        for (const streams of [false, true]) {
          const reply = await rig.ask({ route, model, stream: streams });
          assert.match(reply.head, /^HTTP\/1\.1 200/, reply.content.toString());
          assert.ok(reply.isComplete);
          const text = reply.content.toString();
          assert.match(text, streams ? /one.*two.*three/s : /one two three/);
        }
      }
    }
    assert.deepEqual([...new Set(rig.front.versions)], [protocol === 'h2' ? '2.0' : '1.1']);
    assert.ok(rig.front.versions.length >= 8);
  });
}

test('calls at the same time share one connection over HTTP/2, and have one each over HTTP/1.1', async (t) => {
  for (const [protocol, connections] of [
    ['h2', 1],
    ['http/1.1', 30],
  ] as const) {
    const rig = await openTlsRig(t, { protocol, behaviour: paced });
    const clients = await begin(rig, 30);
    assert.equal(carrying(rig), connections, protocol);
    await leave(rig, clients);
  }
});

test('where the upstream allows few streams on a connection, more connections carry the rest at once', async (t) => {
  const rig = await openTlsRig(t, { behaviour: paced, settings: { maxConcurrentStreams: 4 } });
  const clients = await begin(rig, 22);
  assert.equal(rig.front.answering.size, 22);
  assert.ok(
    rig.front.handshakes() >= 6 && rig.front.handshakes() <= 8,
    `${rig.front.handshakes()} connections`,
  );
  await leave(rig, clients);
});

test('G15: a client that leaves has its own stream reset at once, and its neighbours read on', async (t) => {
  const rig = await openTlsRig(t, { behaviour: paced });
  const [leaver, ...others] = await begin(rig, 4);
  const leftAt = performance.now();
  leaver?.socket.destroy();
  await until('the stream is reset', () => rig.front.answering.size === others.length);
  assert.ok(performance.now() - leftAt < 250, `after ${performance.now() - leftAt} ms`);
  assert.equal(carrying(rig), 1);
  const before = others.map(tokens);
  await until('the others read on', () =>
    others.every((client, at) => tokens(client) > (before[at] ?? 0) + 2),
  );
  assert.equal(carrying(rig), 1);
  await leave(rig, others);
  assert.equal(await rig.metric('millrace_exchanges_total', { outcome: 'failed' }), 0);
});

test('G14: clients that read nothing hold their own streams back, not the connection they share', async (t) => {
  const rig = await openTlsRig(t, { behaviour: { endless: true, chunks: ['a'.repeat(16_384)] } });
  const deaf = Array.from({ length: 6 }, () => {
    const client = rig.send(stream);
    client.socket.pause();
    return client;
  });
  for (const _ of deaf) await rig.llm.waitForRequest(isCall);
  const calls = rig.llm.requests.filter(isCall);
  const sent = () => calls.reduce((sum, request) => sum + request.bytesSent, 0);
  let [before, sinceAt] = [-1, 0];
  await until('all are held back', () => {
    if (sent() !== before) [before, sinceAt] = [sent(), performance.now()];
    return before > 0 && performance.now() - sinceAt > 200;
  });
  assert.ok(sent() / deaf.length < 24 * 1024 * 1024, `${sent()} bytes for ${deaf.length} readers`);
  const handshakes = rig.front.handshakes();
  rig.llm.behave({ endless: false, chunks: Array.from({ length: 64 }, () => 'b'.repeat(16_384)) });
  const reply = await rig.ask(stream);
  assert.match(reply.content.toString().slice(-200), /\[DONE\]/);
  assert.equal(rig.front.handshakes(), handshakes);
  await leave(rig, deaf);
});

const breaks: Readonly<Record<string, (rig: TlsRig) => void>> = {
  'resets the stream': ({ front }) => {
    for (const answer of front.answering) {
      answer.stream?.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  },
  'says GOAWAY with an error and disowns the stream': ({ front }) => {
    for (const session of front.sessions) session.goaway(constants.NGHTTP2_INTERNAL_ERROR, 0);
  },
  'destroys the session': ({ front }) => {
    for (const session of front.sessions) session.destroy(undefined, constants.NGHTTP2_INTERNAL_ERROR);
  },
  'cuts the connection': ({ front }) => {
    for (const session of front.sessions) session.socket.destroy();
  },
};

for (const [what, breakIt] of Object.entries(breaks)) {
  test(`U1: an upstream that ${what} in the middle of a stream is an error the client sees`, async (t) => {
    const rig = await openTlsRig(t, { behaviour: paced });
    const [client] = await begin(rig, 1);
    breakIt(rig);
    const text = (await client?.reply())?.content.toString() ?? '';
    assert.match(
      text,
      /data: \{"error":\{"message":"[^"]+","type":"server_error","param":null,"code":"upstream_cut"/,
    );
    assert.doesNotMatch(text, /\[DONE\]/);
    rig.llm.behave({ endless: false });
    assert.match((await rig.ask(whole)).head, /^HTTP\/1\.1 200/);
    await rig.quiet();
  });
}

test('an upstream that says GOAWAY and goes on with what it took is left in peace, and new calls go elsewhere', async (t) => {
  const rig = await openTlsRig(t, {
    behaviour: { chunks: Array.from({ length: 20 }, () => 'word '), tokensPerSecond: 50 },
  });
  const [client] = await begin(rig, 1);
  const handshakes = rig.front.handshakes();
  for (const session of rig.front.sessions) session.goaway(constants.NGHTTP2_NO_ERROR);
  assert.match((await rig.ask(whole)).head, /^HTTP\/1\.1 200/);
  assert.equal(rig.front.handshakes(), handshakes + 1);
  assert.match((await client?.reply())?.content.toString() ?? '', /\[DONE\]/);
});

test('G16: the clocks run over HTTP/2, reset the stream they belong to, and no other', async (t) => {
  const rig = await openTlsRig(t, { behaviour: paced, clocks: { firstTokenMs: 300, idleMs: 300 } });
  const [bystander] = await begin(rig, 1);
  const handshakes = rig.front.handshakes();
  const stalls = [
    [{ stallBeforeHead: true }, 'first_token_timeout'],
    [{ stallAfterChunks: 0 }, 'first_token_timeout'],
    [{ stallAfterChunks: 2 }, 'idle_timeout'],
  ] as const;
  for (const [behaviour, code] of stalls) {
    rig.llm.scriptNext(behaviour);
    assert.match((await rig.ask(stream)).content.toString(), new RegExp(`"code":"${code}"`));
    await until('the stream is reset', () => rig.front.answering.size === 1);
  }
  assert.equal(rig.front.handshakes(), handshakes);
  const before = bystander === undefined ? 0 : tokens(bystander);
  await until('the bystander reads on', () => bystander !== undefined && tokens(bystander) > before + 2);
  await leave(rig, bystander === undefined ? [] : [bystander]);
});
