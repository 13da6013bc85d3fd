// C8, G14: of those who are given the answer of one call each reads at its own pace. Whoever does not read holds nobody back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RawClient } from '../upstream/raw-client.ts';
import type { RecordedRequest } from '../upstream/recording.ts';
import { type Call, openFaultRig, until } from './rig.ts';

const isCall = ({ method }: RecordedRequest): boolean => method === 'POST';
const mebibyte = 1024 * 1024;
const stream: Call = { route: 'openai.chat', stream: true, body: { temperature: 0 } };

interface Taken {
  readonly bytes: number;
  readonly tail: string;
}

/** Reads without keeping it, until so many bytes have come, or the end; `each` sees all of it. */
function take({ socket }: RawClient, bytesMax: number, each = (_: Buffer) => {}): Promise<Taken> {
  let bytes = 0;
  let tail = '';
  return new Promise((resolve) => {
    const done = () => {
      socket.off('data', more);
      socket.off('close', done);
      resolve({ bytes, tail });
    };
    const more = (data: Buffer) => {
      each(data);
      bytes += data.length;
      tail = (tail + data.toString('latin1', Math.max(0, data.length - 1_000))).slice(-1_000);
      if (bytes >= bytesMax || tail.endsWith('\r\n0\r\n\r\n')) done();
    };
    socket.removeAllListeners('data');
    socket.on('data', more);
    socket.on('close', done);
    socket.resume();
  });
}

/** What its events say, without what frames them: that may be another one for each. */
async function eventsOf(client: RawClient): Promise<string> {
  const pieces: Buffer[] = [];
  await take(client, Number.POSITIVE_INFINITY, (data) => pieces.push(data));
  const text = Buffer.concat(pieces).toString('latin1');
  return text.slice(text.indexOf('\r\n\r\n') + 2).replaceAll(/\r\n[0-9a-f]+\r\n/g, '');
}

test('C8, G14: who reads nothing of a shared stream stops nobody, costs what `bytesMax` says, and is cut off', async (t) => {
  const rig = await openFaultRig(t, {
    behaviour: { endless: true, chunks: ['a'.repeat(32 * 1024)], firstTokenMs: 300 },
  });
  const first = rig.send(stream);
  await until('it is there', () => rig.gateway.gateway.listener.inFlight === 1);
  const deaf = rig.send(stream);
  deaf.socket.pause();
  await until('both are there', () => rig.gateway.gateway.listener.inFlight === 2);
  const request = await rig.llm.waitForRequest(isCall);
  // What code and sockets take is taken by then, and whatever the kernel holds for who does not read.
  await take(first, 24 * mebibyte);
  const before = process.memoryUsage().arrayBuffers;
  const { bytes } = await take(first, 48 * mebibyte);
  const grown = (process.memoryUsage().arrayBuffers - before) / mebibyte;
  t.diagnostic(`${(bytes / mebibyte).toFixed(0)} MiB passed, buffers grew by ${grown.toFixed(1)} MiB`);
  assert.ok(bytes >= 48 * mebibyte, 'the quickest reader sets the pace');
  assert.ok(grown < 48, `buffers grew by ${grown} MiB`);
  assert.equal(rig.llm.requests.filter(isCall).length, 1);
  assert.match((await take(deaf, Number.POSITIVE_INFINITY)).tail, /reader_too_slow(?![\s\S]*\[DONE\])/);
  assert.equal(request.closedAt, undefined, 'and the other reads on');
  first.socket.destroy();
  await rig.llm.waitForClose(request);
  await rig.quiet();
  assert.deepEqual(
    // Scrapes have lines as well.
    rig
      .exchanges()
      .filter(({ route }) => route === 'openai.chat')
      .map(({ outcome, code }) => [outcome, code]),
    [
      ['failed', 'reader_too_slow'],
      ['aborted', undefined],
    ],
  );
});

test('C8: where nobody reads a shared stream its upstream is held back, and goes on when one of them reads', async (t) => {
  const rig = await openFaultRig(t, {
    behaviour: { endless: true, chunks: ['a'.repeat(32 * 1024)], firstTokenMs: 300 },
  });
  const clients: RawClient[] = [];
  for (const number of [1, 2]) {
    const client = rig.send(stream);
    client.socket.pause();
    clients.push(client);
    await until('it is there', () => rig.gateway.gateway.listener.inFlight === number);
  }
  const request = await rig.llm.waitForRequest(isCall);
  let sent = -1;
  // Longer than a busy machine takes from one piece to the next; were it never held back, this would not end.
  await until('it is held back', async () => {
    const before = sent;
    sent = request.bytesSent;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return sent > 0 && sent === before && request.bytesSent === sent;
  });
  assert.ok(sent < 48 * mebibyte, `${sent} bytes were taken of it`);
  const [, follower] = clients;
  assert.ok(follower !== undefined);
  assert.ok((await take(follower, 2 * sent)).bytes >= 2 * sent, 'be it not the one that came first');
  for (const { socket } of clients) socket.destroy();
  await rig.llm.waitForClose(request);
  await rig.quiet();
});

test('C8: who reads what is kept of a shared stream after its end has all of it, to the byte', async (t) => {
  const texts = Array.from({ length: 400 }, (_, at) => `${at} `.padEnd(32 * 1024, 'b'));
  const rig = await openFaultRig(t, {
    behaviour: { chunks: texts, firstTokenMs: 300 },
    config: { sharing: { bytesMax: '64MiB' } },
  });
  const first = rig.send(stream);
  const whole = eventsOf(first);
  await until('it is there', () => rig.gateway.gateway.listener.inFlight === 1);
  const late = rig.send(stream);
  late.socket.pause();
  await until('both are there', () => rig.gateway.gateway.listener.inFlight === 2);
  const text = await whole;
  await until('the call is over', () => rig.exchanges().length > 0);
  assert.ok(text.length > 12 * mebibyte && text.includes('[DONE]'));
  assert.ok((await eventsOf(late)) === text, 'the same to the byte');
  assert.equal(rig.llm.requests.filter(isCall).length, 1);
  await rig.quiet();
});
