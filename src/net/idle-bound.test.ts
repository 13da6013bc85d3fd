import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { queryObjects } from 'node:v8';
import { createHttpTransport } from './http-transport.ts';
import { LiveClient } from './live-client.ts';

test('after a burst only as many connections stay idle as may, and the next burst works (seeds: 20 per host)', async () => {
  const held: ServerResponse[] = [];
  const server = createServer((_request, response) => void held.push(response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  let open = 0;
  const closed: Array<() => void> = [];
  server.on('connection', (socket) => {
    open += 1;
    socket.on('close', () => {
      open -= 1;
      for (const told of closed.splice(0)) told();
    });
  });
  const { port } = server.address() as AddressInfo;
  const transport = createHttpTransport({
    origin: `http://127.0.0.1:${port}`,
    basePath: '',
    headers: [],
    connections: 10,
    idleMax: 3,
    connectMs: 1_000,
    keepAliveMs: 30_000,
  });
  const burst = async (size: number) => {
    const answers = Array.from({ length: size }, () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const receiver = { sent: () => {}, head: () => {}, data: () => {}, end: resolve, fail: reject };
      transport.send({ method: 'GET', path: '/', headers: [] }, receiver);
      return promise;
    });
    while (held.length < size) await once(server, 'request');
    for (const response of held.splice(0)) response.end('done');
    await Promise.all(answers);
  };

  await burst(8);
  assert.equal(open, 8);
  while (open > 3) await new Promise<void>((resolve) => closed.push(resolve));
  await burst(8);
  assert.equal(open, 8);

  await transport.close();
  server.close();
});

test('G30: nothing stays of connections that were refused', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const transport = createHttpTransport({
    origin: `http://127.0.0.1:${port}`,
    basePath: '',
    headers: [],
    connections: 10,
    idleMax: 3,
    connectMs: 1_000,
    keepAliveMs: 30_000,
  });
  for (let round = 0; round < 50; round += 1) {
    await new Promise<void>((resolve, reject) => {
      const receiver = { sent: () => {}, head: () => {}, data: () => {}, end: reject, fail: () => resolve() };
      transport.send({ method: 'GET', path: '/', headers: [] }, receiver);
    });
  }
  const kept = queryObjects(LiveClient);
  assert.ok(Number(kept) < 10, `${kept} clients are kept`);
  await transport.close();
});
