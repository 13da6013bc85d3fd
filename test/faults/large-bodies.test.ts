/** Bodies that are too large, lie about their length or unpack to far more than they are (C1, C13). */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { answerTo, closing, collect, requestBytes, untilClosed } from '../security/raw.ts';

const mebibyte = 1024 * 1024;
const bodyBytesMax = mebibyte;
const path = '/v1/chat/completions';
let gateway: TestGateway;
before(async () => {
  gateway = await openTestGateway({ config: { listen: { bodyBytesMax, bodyMs: 500 } } });
});
after(() => gateway.close());

const head = (lines: readonly string[]) =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gateway.key}\r\n${lines.join('\r\n')}\r\n\r\n`;

/** Sends the head, then the same piece for as long as the connection takes it. */
async function pour(opening: string, piece: Buffer): Promise<{ text: string; sent: number }> {
  const socket = connect({ port: gateway.port, host: '127.0.0.1' });
  const text = collect(socket);
  let sent = 0;
  const more = () => {
    while (socket.writable) {
      sent += piece.length;
      if (!socket.write(piece)) return;
    }
  };
  socket.on('drain', more);
  socket.write(opening);
  more();
  await closing(socket);
  return { text: text(), sent };
}

const piece = Buffer.alloc(64 * 1024, 0x20);
const chunkPiece = Buffer.concat([Buffer.from('10000\r\n'), piece, Buffer.from('\r\n')]);

const floods: Readonly<Record<string, () => { opening: string; piece: Buffer }>> = {
  'a body that says it has 1 GB': () => ({ opening: head(['content-length: 1073741824']), piece }),
  'chunks without end': () => ({ opening: head(['transfer-encoding: chunked']), piece: chunkPiece }),
  'a body of 1 GB from someone without a key': () => ({
    opening: `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1073741824\r\n\r\n`,
    piece,
  }),
  'a body of 1 GB for nothing at all': () => ({
    opening: 'POST /nothing HTTP/1.1\r\nhost: x\r\ncontent-length: 1073741824\r\n\r\n',
    piece,
  }),
};

for (const [what, flood] of Object.entries(floods)) {
  test(`${what} is refused at the cap on 100 connections at once, and costs little memory (C1)`, async () => {
    const { opening, piece: bytes } = flood();
    let peak = 0;
    const beforeBytes = process.memoryUsage.rss();
    const watching = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage.rss());
    }, 10);
    const startedMs = performance.now();
    const ends = await Promise.all(Array.from({ length: 100 }, () => pour(opening, bytes)));
    clearInterval(watching);
    assert.ok(performance.now() - startedMs < 8000);
    const refused = ends.filter(({ text }) => /^HTTP\/1\.1 (?:413|401|404) /.test(text)).length;
    // A client that never looks up from writing may lose the refusal to the reset; most must see it.
    assert.ok(refused >= 90, `${refused} of 100 saw the refusal`);
    for (const { sent } of ends) assert.ok(sent < 64 * mebibyte, `${sent} bytes were taken from one`);
    // At most the cap for each, held until it was reached.
    const grown = peak - beforeBytes;
    assert.ok(grown < 100 * bodyBytesMax + 100 * mebibyte, `memory grew by ${grown / mebibyte} MiB`);
    assert.equal(gateway.gateway.listener.inFlight, 0);
  });
}

test('a body shorter than it says is waited for, not for ever, and refused with 408 (C1)', async () => {
  const { answer, statuses } = await untilClosed(
    gateway.port,
    `${head(['content-length: 1000'])}{"model": "m"}`,
  );
  assert.deepEqual(statuses, [408]);
  assert.match(answer.text, /not complete after 500 ms/);
});

test('what stands beyond the stated length is no part of the body, and no request either (C1)', async () => {
  const { statuses } = await untilClosed(gateway.port, `${head(['content-length: 2'])}{}{"model": "m"}`);
  // The answer to `{}` may be lost to the cut that the rest deserves.
  assert.ok(statuses.length < 2 && statuses.every((status) => status === 400), `${statuses}`);
});

const packers: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } }),
  zstd: (bytes) => zstdCompressSync(bytes),
};
const message = JSON.stringify({ model: 'simulator', messages: [{ role: 'user', content: 'hello' }] });

for (const [encoding, pack] of Object.entries(packers)) {
  const send = (body: Buffer, named = encoding) =>
    answerTo(
      gateway.port,
      requestBytes({
        path,
        headers: { authorization: `Bearer ${gateway.key}`, 'content-encoding': named },
        body,
      }),
    );

  test(`a body packed with ${encoding} is understood, however its name is written (C13)`, async () => {
    assert.equal((await send(pack(Buffer.from(message)))).status, 200);
    assert.equal((await send(pack(Buffer.from(message)), encoding.toUpperCase())).status, 200);
  });

  test(`a bomb packed with ${encoding} is refused with 413 at little cost (C13)`, async () => {
    const bomb = pack(Buffer.alloc(128 * mebibyte));
    assert.ok(bomb.length < bodyBytesMax, 'it gets past the limit on what is sent');
    const beforeBytes = process.memoryUsage.rss();
    // The least of three: what else this process does meanwhile, such as collecting 128 MiB, is not the bomb's.
    let cpuMs = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const beforeCpu = process.cpuUsage();
      const answer = await send(bomb);
      const cpu = process.cpuUsage(beforeCpu);
      cpuMs = Math.min(cpuMs, (cpu.user + cpu.system) / 1000);
      assert.equal(answer.status, 413);
      assert.match(answer.text, /unpacks to more than 1048576 bytes/);
    }
    assert.ok(cpuMs < 100, `it took ${cpuMs} ms of CPU`);
    const grown = process.memoryUsage.rss() - beforeBytes;
    assert.ok(grown < 64 * mebibyte, `memory grew by ${grown / mebibyte} MiB`);
  });

  test(`a body that says ${encoding} and is something else is refused with 400 (C13)`, async () => {
    const answers = [
      await send(Buffer.from(message)),
      await send(pack(Buffer.from(message)).subarray(0, -5)),
      await send(Buffer.alloc(0)),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [400, 400, 400],
    );
  });
}

test('a body packed twice is refused with 415 (C13)', async () => {
  const { status } = await answerTo(
    gateway.port,
    requestBytes({
      path,
      headers: { authorization: `Bearer ${gateway.key}`, 'content-encoding': 'gzip, gzip' },
      body: gzipSync(gzipSync(message)),
    }),
  );
  assert.equal(status, 415);
});
