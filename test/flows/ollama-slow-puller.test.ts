/** A pull whose client does not read: it holds its server back, costs no memory, and is cut when it stops for good. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { until } from '../faults/rig.ts';
import type { FakeLlm } from '../upstream/fake-llm.ts';
import { openRawClient } from '../upstream/raw-client.ts';
import type { RecordedRequest } from '../upstream/recording.ts';
import { type OllamaFleet, openOllamaFleet, reached } from './ollama-fleet.ts';

const mebibyte = 1024 * 1024;
const totalBytes = 40 * mebibyte;
/** The kernel's buffers on both ways hold a few MiB each; nothing of ours may. */
const heldBytesMax = 24 * mebibyte;

const row = `${JSON.stringify({ status: `pulling ${'x'.repeat(4_000)}` })}\n`;
const manyLines = `${row.repeat(totalBytes / row.length)}{"status":"success"}\n`;
const manyBytes = { only: /^\/api\/pull$/, body: manyLines, splitBytes: 64 * 1024 };

function pullWithoutReading({ gateway }: OllamaFleet, upstreams: readonly string[]) {
  const client = openRawClient(gateway.port);
  client.socket.pause();
  client.send(`/k/${gateway.key}/api/pull`, { model: 'new', upstreams });
  return client.socket;
}

/** Settles when the server has not sent a byte more for a while: back-pressure has reached it. */
async function heldBack(request: RecordedRequest): Promise<void> {
  let before = -1;
  let sinceAt = 0;
  await until('the server is held back', () => {
    if (request.bytesSent !== before) sinceAt = performance.now();
    before = request.bytesSent;
    return before > 0 && performance.now() - sinceAt > 200;
  });
}

/** Reads to the end of the body without keeping it. */
function tailOf(socket: Socket): Promise<string> {
  let tail = '';
  return new Promise((resolve) => {
    socket.on('data', (data: Buffer) => {
      tail = (tail + data.toString('latin1', Math.max(0, data.length - tailChars))).slice(-tailChars);
      if (tail.endsWith('\r\n0\r\n\r\n')) socket.destroy();
    });
    socket.on('close', () => resolve(tail));
    socket.resume();
  });
}

const tailChars = 200;

const pulled = (server: FakeLlm) => reached(server, '/api/pull');

test('a client that does not read holds its servers back and loses nothing when it reads on (G14)', async () => {
  await using fleet = await openOllamaFleet({ a: manyBytes, b: manyBytes });
  const socket = pullWithoutReading(fleet, ['gpu-a', 'gpu-b']);
  const requests = [await pulled(fleet.a), await pulled(fleet.b)];
  for (const request of requests) await heldBack(request);
  const held = requests.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
  assert.ok(held < 2 * heldBytesMax, `${held} of ${2 * totalBytes} bytes are on their way`);
  const tail = await tailOf(socket);
  assert.match(tail, /\{"status":"success"\}\n\r\n0\r\n\r\n$/);
  assert.ok(requests.every(({ bytesSent }) => bytesSent === manyLines.length));
});

test('a client that never reads on is cut after its time, and the pull is dropped at its server (C6)', async () => {
  await using fleet = await openOllamaFleet({ a: manyBytes, config: { listen: { stallMs: 400 } } });
  const socket = pullWithoutReading(fleet, ['gpu-a']);
  const request = await pulled(fleet.a);
  await fleet.a.waitForClose(request);
  assert.ok(request.aborted);
  assert.ok(request.bytesSent < heldBytesMax);
  socket.destroy();
});
