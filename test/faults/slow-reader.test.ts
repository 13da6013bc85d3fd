// G14, C6: whoever reads slowly slows their own answer, costs no memory, and is cut when they stop for good.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { openPlace, serve } from '../cli/gateway-process.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { openRawClient, type RawClient } from '../upstream/raw-client.ts';
import { type Call, type FaultRig, openFaultRig } from './rig.ts';

const stream: Call = { route: 'openai.chat', stream: true };
const mebibyte = 1024 * 1024;
const isCall = ({ method }: { method: string }) => method === 'POST';

/** Sends a call, and reads nothing until `socket.resume()`. */
function sendDeaf(rig: FaultRig, call: Call) {
  const client = rig.send(call);
  client.socket.pause();
  return client;
}

interface Taken {
  readonly tail: string;
  readonly complete: boolean;
}

/** Reads to the end without keeping it: the raw client would look at everything again with each piece. */
function drain({ socket }: RawClient): Promise<Taken> {
  let bytes = 0;
  let length = Number.POSITIVE_INFINITY;
  let tail = '';
  return new Promise((resolve) => {
    const done = (complete: boolean) => {
      socket.destroy();
      resolve({ tail, complete });
    };
    socket.on('data', (data: Buffer) => {
      if (bytes === 0) {
        const head = data.toString('latin1').split('\r\n\r\n')[0] ?? '';
        const declared = /content-length: (\d+)/i.exec(head)?.[1];
        if (declared !== undefined) length = head.length + 4 + Number(declared);
      }
      bytes += data.length;
      tail = (tail + data.toString('latin1', Math.max(0, data.length - tailChars))).slice(-tailChars);
      if (bytes >= length || tail.endsWith('\r\n0\r\n\r\n')) done(true);
    });
    socket.on('close', () => done(false));
    socket.resume();
  });
}

const tailChars = 1_000;

/** Settles when the upstream has not sent a byte more for a while: back-pressure has reached it. */
async function stalled(sent: () => number, readers = 1): Promise<void> {
  let before = 0;
  let sinceMs = performance.now();
  while (before === 0 || performance.now() - sinceMs < 200) {
    assert.ok(
      sent() < readers * onTheWayBytesMax,
      `${sent()} bytes, and the upstream is still not held back`,
    );
    await setTimeout(5);
    if (sent() !== before) sinceMs = performance.now();
    before = sent();
  }
}

/** Of one reader: the kernel's buffers on both ways hold several MiB each; nothing of ours may. */
const onTheWayBytesMax = 24 * mebibyte;

for (const call of [stream, { ...stream, model: 'l' }, { ...stream, route: 'ollama.chat' } as const]) {
  const name = `${call.route} by ${call.model ?? 'o'}`;

  test(`G14: ${name}: a client that does not read holds its upstream back, and memory stays bounded`, async (t) => {
    const rig = await openFaultRig(t, { behaviour: { endless: true, chunks: ['a'.repeat(4096)] } });
    const readers = 8;
    const before = process.memoryUsage.rss();
    const clients = Array.from({ length: readers }, () => sendDeaf(rig, call));
    for (const _ of clients) await rig.llm.waitForRequest(isCall);
    const calls = rig.llm.requests.filter(isCall);
    const sent = () => calls.reduce((sum, request) => sum + request.bytesSent, 0);
    await stalled(sent, readers);
    const grown = (process.memoryUsage.rss() - before) / mebibyte;
    t.diagnostic(
      `${readers} deaf readers: ${(sent() / mebibyte).toFixed(1)} MiB sent, RSS grew ${grown.toFixed(1)} MiB`,
    );
    assert.ok(grown < 150, `RSS grew by ${grown} MiB`);
    for (const { socket } of clients) socket.destroy();
    await rig.quiet();
  });
}

test('G14: 100 clients that do not read endless streams cost the gateway less than 150 MiB', async () => {
  await using place = await openPlace();
  const llm = await openFakeLlm({ endless: true, chunks: ['a'.repeat(32 * 1024)] });
  try {
    await place.write('millrace.yaml', readersConfig(llm));
    await using gateway = await serve(['--config', 'millrace.yaml'], { place });
    const port = Number(new URL(gateway.ready.clients).port);
    const open = (model: string) => {
      const client = openRawClient(port);
      client.socket.pause();
      client.send(`/k/${readersKey}/v1/chat/completions`, { model, stream: true, messages: [hello] });
      return client;
    };
    // The first ones warm the process up: what code and its optimising take is not the readers'.
    const warm = ['o', 'l'].map(open);
    const sent = () => llm.requests.reduce((sum, request) => sum + request.bytesSent, 0);
    await stalled(sent, warm.length);
    const before = await gateway.rssBytes();
    const clients = Array.from({ length: 100 }, (_, index) => open(index % 2 === 0 ? 'o' : 'l'));
    while (llm.requests.filter(isCall).length < clients.length + warm.length)
      await llm.waitForRequest(isCall);
    await stalled(sent, warm.length + clients.length);
    const grown = ((await gateway.rssBytes()) - before) / mebibyte;
    const figures = `${(sent() / mebibyte).toFixed(0)} MiB sent, RSS grew ${grown.toFixed(1)} MiB`;
    assert.ok(sent() > 100 * mebibyte, `each reader had more to read than fits on the way: ${figures}`);
    assert.ok(grown < 150, figures);
    for (const { socket } of [...warm, ...clients]) socket.destroy();
  } finally {
    await llm.close();
  }
});

const hello = { role: 'user', content: 'hello' };
const readersKey = 'sk-mr-7f3a9c2e5b8d41ac0f6e7d8c9b0a12ce';

const readersConfig = ({ url }: FakeLlm): string =>
  JSON.stringify({
    keys: [{ name: 'readers', key: readersKey, role: 'developer' }],
    upstreams: {
      openai: { type: 'openai', url: `${url}/v1`, slots: 200 },
      ollama: { type: 'ollama', url, slots: 200 },
    },
    models: {
      o: { targets: [{ upstream: 'openai', model: 'fake-model' }] },
      l: { targets: [{ upstream: 'ollama', model: 'fake-model' }] },
    },
  });

test('G14, G16: a client that pauses is no idle upstream: its stream waits and goes on', async (t) => {
  const texts = Array.from({ length: 4_000 }, (_, index) => `${index} `.padEnd(4_096, 'x'));
  const rig = await openFaultRig(t, { behaviour: { chunks: texts }, clocks: { idleMs: 500 } });
  const client = sendDeaf(rig, stream);
  const request = await rig.llm.waitForRequest(isCall);
  // Together longer than the clock.
  for (let pause = 0; pause < 3; pause += 1) await stalled(() => request.bytesSent);
  const { tail, complete } = await drain(client);
  assert.ok(complete);
  assert.match(tail, /data: \[DONE\]\n\n/);
  await rig.quiet();
  assert.equal(await rig.metric('millrace_exchanges_total', { outcome: 'failed' }), 0);
});

test('G14, G16: when a paused client reads again, a silent upstream is told by the idle clock', async (t) => {
  const chunks = Array.from({ length: 3_000 }, () => 'x'.repeat(4_096));
  const rig = await openFaultRig(t, {
    behaviour: { chunks, stallAfterChunks: 2_999 },
    clocks: { idleMs: 300 },
  });
  const client = sendDeaf(rig, stream);
  const request = await rig.llm.waitForRequest(isCall);
  await stalled(() => request.bytesSent);
  const { tail } = await drain(client);
  assert.match(tail, /"code":"idle_timeout"/);
});

const endings: ReadonlyArray<{ readonly name: string; readonly call: Call; readonly bytes: number }> = [
  { name: 'in the middle of a stream', call: stream, bytes: Number.POSITIVE_INFINITY },
  { name: 'at the end of a stream', call: stream, bytes: 6 * mebibyte },
  { name: 'in a whole answer', call: { route: 'openai.chat' }, bytes: 16 * mebibyte },
];

for (const { name, call, bytes } of endings) {
  test(`C6: a client that stops reading ${name} is cut after its time`, async (t) => {
    const endless = bytes === Number.POSITIVE_INFINITY;
    const rig = await openFaultRig(t, {
      behaviour: endless
        ? { endless, chunks: ['a'.repeat(4096)] }
        : { chunks: Array.from({ length: bytes / 4096 }, () => 'a'.repeat(4096)) },
      config: { listen: { stallMs: 400 } },
    });
    const client = sendDeaf(rig, call);
    await rig.llm.waitForRequest(isCall);
    await rig.quiet();
    assert.equal(rig.gateway.gateway.listener.inFlight, 0);
    const { complete } = await drain(client);
    assert.equal(complete, false, 'nobody takes what was cut for whole');
  });
}

test('C6: a client that reads slowly but steadily is not cut', async (t) => {
  const chunks = Array.from({ length: 1_024 }, () => 'a'.repeat(16 * 1024));
  const rig = await openFaultRig(t, { behaviour: { chunks }, config: { listen: { stallMs: 900 } } });
  for (const call of [stream, { route: 'openai.chat' } as const]) {
    const client = rig.send(call);
    const startedAt = performance.now();
    client.socket.on('data', () => client.socket.pause());
    const rhythm = setInterval(() => client.socket.resume(), 5);
    const { complete } = await drain(client);
    clearInterval(rhythm);
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs > 1_000, `it reads for longer than the stall clock allows: ${tookMs} ms`);
    assert.ok(complete, `${call.route} after ${tookMs} ms`);
  }
});
