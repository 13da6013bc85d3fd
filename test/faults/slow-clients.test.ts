/** Clients that are slow, silent or many: cut in the stated time, and nobody else notices (C4, C5, C6). */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { openPlace, serve } from '../cli/gateway-process.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { answerTo, closing, collect, requestBytes } from '../security/raw.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';

const limits = { headersMs: 800, bodyMs: 800, stallMs: 600 };
const path = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'hello' }];
let upstream: FakeLlm;
let gateway: TestGateway;
before(async () => {
  upstream = await openFakeLlm();
  gateway = await openTestGateway({
    config: {
      listen: limits,
      upstreams: { fake: { type: 'openai', url: upstream.url } },
      models: { m: { targets: [{ upstream: 'fake', model: 'm' }] } },
    },
  });
});
after(async () => {
  await gateway.close();
  await upstream.close();
});

const chat = (more: object = {}) =>
  requestBytes({
    path,
    headers: { authorization: `Bearer ${gateway.key}` },
    body: JSON.stringify({ model: 'm', messages, ...more }),
  });

async function open(count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect({ port: gateway.port, host: '127.0.0.1' }));
  await Promise.all(
    sockets.map((socket) => {
      socket.on('error', () => {});
      return new Promise((resolve) => socket.once('connect', resolve));
    }),
  );
  return sockets;
}

/** How long each of some requests took, sorted. */
async function latencies(count: number): Promise<number[]> {
  const took: number[] = [];
  for (let done = 0; done < count; done += 1) {
    const startedMs = performance.now();
    const { status } = await answerTo(gateway.port, chat());
    assert.equal(status, 200);
    took.push(performance.now() - startedMs);
  }
  return took.sort((a, b) => a - b);
}

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)] ?? 0;

interface Slow {
  readonly opening: () => Buffer;
  readonly drip: string;
  readonly says: RegExp;
}

const slow: Readonly<Record<string, Slow>> = {
  headers: {
    opening: () => Buffer.from(`POST ${path} HTTP/1.1\r\nhost: x\r\n`),
    drip: 'x: y\r\n',
    says: /^HTTP\/1\.1 408 .*the headers were not complete after 800 ms/s,
  },
  bodies: {
    opening: () =>
      Buffer.from(
        `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gateway.key}\r\ncontent-length: 5000\r\n\r\n{`,
      ),
    drip: ' ',
    says: /^HTTP\/1\.1 408 .*the body was not complete after 800 ms/s,
  },
  'chunked bodies': {
    opening: () =>
      Buffer.from(
        `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gateway.key}\r\ntransfer-encoding: chunked\r\n\r\n`,
      ),
    drip: '1\r\n \r\n',
    says: /^HTTP\/1\.1 408 .*the body was not complete after 800 ms/s,
  },
};

for (const [what, { opening, drip, says }] of Object.entries(slow)) {
  test(`2000 clients that drip their ${what} are cut with 408 in the stated time; others are served (C4)`, async () => {
    const sockets = await open(2000);
    const startedMs = performance.now();
    const texts = sockets.map(collect);
    for (const socket of sockets) socket.write(opening());
    const dripping = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write(drip);
    }, 100);
    const others = await latencies(20);
    await Promise.all(sockets.map(closing));
    clearInterval(dripping);
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs < 800 + 500 + 6700, `the last was cut after ${tookMs.toFixed()} ms`);
    assert.ok(median(others) < 100, `others took ${median(others).toFixed(1)} ms`);
    for (const text of texts) assert.match(text(), says);
    assert.equal(gateway.gateway.listener.inFlight, 0);
  });
}

test('a connection that says nothing at all is closed in the time for headers (C4)', async () => {
  const [socket] = await open(1);
  assert.ok(socket !== undefined);
  socket.resume();
  const startedMs = performance.now();
  await closing(socket);
  assert.ok(performance.now() - startedMs < 800 + 500 + 1200);
});

/** The test and the gateway are processes of their own: each has as many files as it may open. */
const { userLimits } = process.report.getReport() as {
  userLimits?: { open_files?: { soft?: number | string } };
};
const openFilesMax = Number(userLimits?.open_files?.soft) || Number.POSITIVE_INFINITY;
const idleCount = Math.min(10_000, openFilesMax - 500);

test(`${idleCount} idle connections cost new requests nothing, and are closed at once at the end (C5)`, async () => {
  await using place = await openPlace();
  const sim = { type: 'simulator', firstTokenMs: 0, tokensPerSecond: 1_000_000 };
  await place.write('millrace.yaml', JSON.stringify({ upstreams: { sim } }));
  await using roomy = await serve(['--config', 'millrace.yaml'], { place });
  const port = Number(new URL(roomy.ready.clients).port);
  const served = requestBytes({
    path,
    headers: { authorization: `Bearer ${await roomy.key()}` },
    body: JSON.stringify({ model: 'simulator', messages, max_tokens: 1 }),
  });
  await bestP99(port, served);
  const before = await bestP99(port, served);
  const idle: Closing[] = [];
  while (idle.length < idleCount)
    idle.push(...(await keepOpen(port, Math.min(500, idleCount - idle.length))));
  const meanwhile = await bestP99(port, served);
  const rss = (await roomy.rssBytes()) / 1024 / 1024;
  const figures = `p99 ${before.toFixed(1)} ms, then ${meanwhile.toFixed(1)} ms; RSS ${rss.toFixed(0)} MiB`;
  assert.ok(meanwhile < before + 20, figures);
  assert.ok(rss < 512, figures);
  assert.ok(idle.every(({ socket }) => socket.readyState === 'open'));
  const startedMs = performance.now();
  const ended = roomy.stop('SIGTERM');
  await Promise.all(idle.map(({ closed }) => closed));
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < 5000, `the last was closed after ${tookMs} ms`);
  assert.equal((await ended).code, 0);
});

interface Closing {
  readonly socket: Socket;
  readonly closed: Promise<void>;
}

/** Connections that were used once, and that their clients keep. */
async function keepOpen(port: number, count: number): Promise<readonly Closing[]> {
  const asked = Array.from({ length: count }, () => {
    const socket = connect({ port, host: '127.0.0.1' });
    const text = collect(socket);
    socket.write(requestBytes({ path: '/livez' }));
    return { socket, text, closed: closing(socket) };
  });
  await until(() => asked.every(({ text }) => text().endsWith('ok')));
  return asked;
}

/** What the machine does besides only makes it worse: the best of three rounds is the gateway's own. */
async function bestP99(port: number, request: Buffer): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const took: number[] = [];
    for (let done = 0; done < 200; done += 1) {
      const startedMs = performance.now();
      assert.equal((await answerTo(port, request)).status, 200);
      took.push(performance.now() - startedMs);
    }
    rounds.push(took.sort((a, b) => a - b)[197] ?? Number.NaN);
  }
  return Math.min(...rounds);
}

async function until(isTrue: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!isTrue()) {
    if (performance.now() > endMs) throw new Error('waited 10 s');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a client that never reads its stream is cut after the stall, and the upstream with it (C6)', async () => {
  upstream.scriptNext({ endless: true, chunks: ['word '.repeat(2000)] });
  const [socket] = await open(1);
  assert.ok(socket !== undefined);
  socket.pause();
  const startedMs = performance.now();
  socket.write(chat({ stream: true }));
  const request = await upstream.waitForRequest();
  await upstream.waitForClose(request);
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs > 550 && tookMs < 4000, `closed after ${tookMs} ms`);
  assert.equal(gateway.gateway.listener.inFlight, 0);
  socket.destroy();
});

test('a client that never reads its whole answer is cut after the stall (C6)', async () => {
  upstream.scriptNext({ paddingBytes: 24 * 1024 * 1024 });
  const [socket] = await open(1);
  assert.ok(socket !== undefined);
  socket.pause();
  socket.write(chat());
  await until(() => gateway.gateway.listener.inFlight === 1);
  const startedMs = performance.now();
  await until(() => gateway.gateway.listener.inFlight === 0);
  assert.ok(performance.now() - startedMs < 4000);
  socket.destroy();
});

test('a client that reads slowly gets all of a large answer, however long it takes (C6)', async () => {
  const size = 16 * 1024 * 1024;
  upstream.scriptNext({ paddingBytes: size });
  const [socket] = await open(1);
  assert.ok(socket !== undefined);
  let bytes = 0;
  let pauses = 0;
  let resting = 0;
  socket.on('data', (data: Buffer) => {
    bytes += data.length;
    resting += data.length;
    if (resting < 1.5 * 1024 * 1024 || pauses === 8) return;
    resting = 0;
    pauses += 1;
    // Rests that are shorter than the stall, also on a busy machine: together several times as long.
    socket.pause();
    setTimeout(() => socket.resume(), 250);
  });
  const startedMs = performance.now();
  socket.write(chat());
  await until(() => bytes >= size || socket.closed);
  assert.ok(bytes >= size, `the connection was closed after ${bytes} bytes`);
  assert.ok(performance.now() - startedMs > 3 * limits.stallMs);
  socket.destroy();
});
