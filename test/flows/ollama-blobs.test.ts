/** Blobs on their way to the Ollama servers of a mixed fleet. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as openRequest } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { openTestGateway } from '../gateway.ts';
import type { FakeLlm } from '../upstream/fake-llm.ts';
import { digestOf } from '../upstream/library.ts';
import { errorOf, openOllamaFleet } from './ollama-fleet.ts';

test('a blob goes to every server that lacks it, and HEAD tells when all have it', async () => {
  await using fleet = await openOllamaFleet();
  const bytes = randomBytes(3_000_000);
  const path = `/api/blobs/${digestOf(bytes)}`;
  assert.equal((await fleet.request('HEAD', path)).status, 404);
  await fetch(`${fleet.a.url}${path}`, { method: 'POST', body: bytes });
  assert.equal((await fleet.request('HEAD', path)).status, 404);
  assert.equal((await fleet.request('POST', path, { body: bytes })).status, 201);
  assert.equal((await fleet.request('HEAD', path)).status, 200);
  const uploads = fleet.a.requests.filter(({ method }) => method === 'POST');
  assert.equal(uploads.length, 1, 'the server that had it got it once, from us directly');
  assert.equal((await fleet.request('POST', path, { body: bytes })).status, 200);
});

test('content that is not what its digest says is a 400, and no server gets to keep it (S26)', async () => {
  await using fleet = await openOllamaFleet();
  const digest = digestOf('something else');
  const response = await fleet.request('POST', `/api/blobs/${digest}`, { body: randomBytes(1_000_000) });
  assert.equal(response.status, 400);
  assert.match(await errorOf(response), /not what its digest says/);
  for (const server of [fleet.a, fleet.b]) {
    const upload = server.requests.find(({ method }) => method === 'POST');
    assert.ok(upload);
    await server.waitForClose(upload);
    assert.equal(upload.bodyAt, undefined, 'the upload never became complete');
  }
  assert.equal((await fleet.request('HEAD', `/api/blobs/${digest}`)).status, 404);
});

test('a digest that is none reaches no server (S26)', async () => {
  await using fleet = await openOllamaFleet();
  const hex = digestOf('x').slice(7);
  const wrong = [
    `sha256-${hex}`,
    `sha256:${hex.slice(1)}`,
    `sha256:${hex.toUpperCase()}`,
    `sha512:${hex}`,
    'sha256:..%2f..%2fetc',
    `sha256:${hex}%00`,
    `sha256:${hex}/x`,
  ];
  for (const digest of wrong) {
    assert.equal((await fleet.request('POST', `/api/blobs/${digest}`, { body: 'x' })).status, 400, digest);
    assert.equal((await fleet.request('HEAD', `/api/blobs/${digest}`)).status, 400, digest);
  }
  assert.deepEqual(
    fleet.a.requests.filter(({ path }) => path.startsWith('/api/blobs')),
    [],
  );
});

test('a server that breaks off an upload does not stop it at the others', async () => {
  await using fleet = await openOllamaFleet();
  fleet.a.scriptNext(
    { only: /^\/api\/blobs\//, status: 404 },
    { only: /^\/api\/blobs\//, resetAfterRequest: true },
  );
  const bytes = randomBytes(200_000);
  const path = `/api/blobs/${digestOf(bytes)}`;
  const response = await fleet.request('POST', path, { body: bytes });
  assert.equal(response.status, 502);
  assert.match(await errorOf(response), /uploading failed on gpu-a .*; done on gpu-b/);
  const there = await fetch(`${fleet.b.url}${path}`, { method: 'HEAD' });
  assert.equal(there.status, 200);
});

test('a server that refuses before it has read the blob ends the upload at once, with its own words', async () => {
  await using full = await openUnreadingServer({ refuses: true });
  const gateway = await openTestGateway({
    config: { upstreams: { full: { type: 'ollama', url: full.url } } },
  });
  const upload = openRequest(`${gateway.url}/api/blobs/${digestOf('x')}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, 'content-length': 1_000_000_000 },
  });
  upload.on('error', () => {});
  upload.write(Buffer.alloc(100_000));
  const [response] = (await once(upload, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 502);
  assert.match(String(await response.toArray()), /full \(no space left on device\)/);
  await gateway.close();
});

test('an upload waits for a server that does not read, and holds next to nothing meanwhile', async () => {
  await using slow = await openUnreadingServer();
  const gateway = await openTestGateway({
    config: { upstreams: { slow: { type: 'ollama', url: slow.url } } },
  });
  const offered = 64 * 1024 * 1024;
  const upload = openRequest(`${gateway.url}/api/blobs/${digestOf('x')}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, 'content-length': offered },
  });
  upload.on('error', () => {});
  const piece = Buffer.alloc(64 * 1024);
  let taken = 0;
  let lastTakenAt = performance.now();
  const send = () => {
    while (taken < offered) {
      taken += piece.length;
      lastTakenAt = performance.now();
      if (!upload.write(piece)) return void upload.once('drain', send);
    }
  };
  send();
  await slow.connected;
  // Standing still is an absence: it shows only in nothing having moved for a while.
  while (performance.now() - lastTakenAt < 300) await setTimeout(20);
  assert.ok(taken < offered / 2, `${taken} bytes went somewhere`);
  upload.destroy();
  await gateway.close();
});

test('a client that leaves in the middle of an upload leaves no half blob behind', async () => {
  await using fleet = await openOllamaFleet();
  const bytes = randomBytes(100_000);
  const upload = openRequest(`${fleet.gateway.url}/api/blobs/${digestOf(bytes)}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${fleet.gateway.key}`, 'content-length': bytes.length },
  });
  upload.on('error', () => {});
  upload.write(bytes.subarray(0, 50_000));
  const begun = (server: FakeLlm) => server.requests.find(({ method }) => method === 'POST');
  while (begun(fleet.a) === undefined || begun(fleet.b) === undefined) await setTimeout(2);
  upload.destroy();
  for (const server of [fleet.a, fleet.b]) {
    const record = begun(server);
    assert.ok(record);
    await server.waitForClose(record);
    assert.equal(record.bodyAt, undefined);
  }
});

test('an upload has limits of its own: larger than other bodies, yet not without end (C13)', async () => {
  const config = { listen: { bodyBytesMax: '1KiB', blobBytesMax: '100KiB' } };
  await using fleet = await openOllamaFleet({ config });
  const fits = randomBytes(90_000);
  const declared = randomBytes(200_000);
  const upload = (bytes: Buffer, body: Buffer | ReadableStream) =>
    fleet.request('POST', `/api/blobs/${digestOf(bytes)}`, { body });
  assert.equal((await upload(fits, fits)).status, 201);
  assert.equal((await upload(declared, declared)).status, 413);
  const undeclared = ReadableStream.from([declared.subarray(0, 90_000), declared.subarray(90_000)]);
  assert.equal((await upload(declared, undeclared)).status, 413);
  assert.equal(
    (await fetch(`${fleet.a.url}/api/blobs/${digestOf(declared)}`, { method: 'HEAD' })).status,
    404,
  );
});

/** Takes the head of an upload and then nothing more. */
async function openUnreadingServer({ refuses } = { refuses: false }) {
  const sockets = new Set<Socket>();
  const connected = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    if (request.method === 'GET') return void response.end('{"models":[]}');
    if (request.method === 'HEAD') return void response.writeHead(404).end();
    request.pause();
    if (refuses) response.writeHead(507).end('{"error":"no space left on device"}');
    connected.resolve();
  });
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connected: connected.promise,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
