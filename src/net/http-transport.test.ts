import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { setDefaultCACertificates } from 'node:tls';
import { createAuthority } from '../../test/upstream/certificate.ts';
import { openFakeLlm } from '../../test/upstream/fake-llm.ts';
import { openFaultProxy } from '../../test/upstream/fault-proxy.ts';
import { openTlsFront } from '../../test/upstream/tls-front.ts';
import type { Failure } from '../core/failure.ts';
import { createHttpTransport } from './http-transport.ts';

const authority = createAuthority();
setDefaultCACertificates([authority.cert]);

test('who gave up while a handshake hung has no connection opened for them afterwards', async (t) => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.resume())).listen(0, '127.0.0.1');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
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
});

test('U10: an HTTP/2 connection that has gone silent is given up, while one that is only slow is kept', async (t) => {
  const llm = await openFakeLlm({ firstTokenMs: 600 });
  const front = await openTlsFront({ identity: authority.issue('none'), target: llm.port });
  const proxy = await openFaultProxy(front.port);
  t.after(() => Promise.all([llm.close(), front.close(), proxy.close()]));
  const transport = createHttpTransport({
    origin: `https://127.0.0.1:${proxy.port}`,
    basePath: '',
    headers: [],
    connections: 1,
    idleMax: 1,
    connectMs: 5_000,
    keepAliveMs: 30_000,
    pingMs: 50,
  });
  const ask = () =>
    new Promise<string>((resolve) => {
      const receiver = { sent: () => {}, head: () => {}, data: () => {}, end: () => resolve('answered') };
      const body = JSON.stringify({ model: 'fake-model', messages: [{ role: 'user', content: 'hi' }] });
      transport.send(
        { method: 'POST', path: '/v1/chat/completions', headers: ['content-type', 'application/json'], body },
        { ...receiver, fail: ({ code }) => resolve(code) },
      );
    });

  assert.equal(await ask(), 'answered');
  assert.equal(proxy.accepted(), 1);
  proxy.freeze();
  assert.equal(await ask(), 'upstream_cut');
  proxy.thaw();
  assert.equal(await ask(), 'answered');
  assert.equal(proxy.accepted(), 2);
  assert.deepEqual([...new Set(front.versions)], ['2.0']);
  await transport.close();
});
