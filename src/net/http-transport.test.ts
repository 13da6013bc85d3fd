import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import type { Failure } from '../core/failure.ts';
import { createHttpTransport } from './http-transport.ts';

test('who gave up while a handshake hung has no connection opened for them afterwards', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.resume())).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const transport = createHttpTransport({
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    basePath: '',
    headers: [],
    connections: 10,
    idleMax: 3,
    connectMs: 100,
    keepAliveMs: 30_000,
  });
  const nobody = { sent: () => {}, head: () => {}, data: () => {}, end: () => {}, fail: () => {} };
  const flows = Array.from({ length: 4 }, () =>
    transport.send({ method: 'GET', path: '/', headers: [] }, nobody),
  );
  await once(server, 'connection');
  for (const flow of flows) flow.abort();
  const failed = new Promise<string>((resolve) => {
    const stayed = { ...nobody, fail: ({ code }: Failure) => resolve(code) };
    transport.send({ method: 'GET', path: '/', headers: [] }, stayed);
  });
  assert.equal(await failed, 'connect_timeout');
  assert.equal(sockets.length, 2, 'one for those who left, one for who stayed');
  await transport.close();
  for (const socket of sockets) socket.destroy();
  server.close();
});
