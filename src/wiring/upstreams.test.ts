import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { upstreamsOptions } from '../config/upstream-options.ts';
import type { Upstream } from '../core/exchange.ts';
import { systemClock } from '../lib/clock.ts';
import { UpstreamPool } from './upstreams.ts';

const url = 'http://127.0.0.1:9/v1';

function poolFor(t: TestContext) {
  const pool = new UpstreamPool(systemClock);
  t.after(() => pool.close());
  return (config: Readonly<Record<string, unknown>>): Upstream => {
    const upstream = pool.reconcile({ upstreams: upstreamsOptions.parse({ a: config }) }).byName.get('a');
    assert.ok(upstream);
    return upstream;
  };
}

test('G24: what is known of a server stays while only slots, connections or clocks change', (t) => {
  const open = poolFor(t);
  const before = open({ type: 'openai', url });
  for (const changed of [
    { slots: 3 },
    { slots: 300 },
    { connections: 7 },
    { keepAliveMs: 1 },
    { connectMs: 9 },
  ]) {
    assert.equal(
      open({ type: 'openai', url, ...changed }).identity,
      before.identity,
      JSON.stringify(changed),
    );
  }
});

test('another address, kind or account is another server', (t) => {
  const open = poolFor(t);
  const others = [
    { type: 'openai', url },
    { type: 'ollama', url },
    { type: 'openai', url: `${url}/other` },
    { type: 'openai', url, key: 'sk-7f3a91c2d4e8b6a0' },
    { type: 'openai', url, key: 'sk-7f3a91c2d4e8b6a1' },
    { type: 'openai', url, headers: { 'x-org': 'org-7f3a91c2d4e8b6a0' } },
    { type: 'openai', url, headers: { 'x-org': 'org-7f3a91c2d4e8b6a1' } },
    { type: 'simulator', seed: 1 },
    { type: 'simulator', seed: 2 },
  ].map((config) => open(config));
  assert.equal(new Set(others.map(({ identity }) => identity)).size, others.length);
  assert.equal(new Set(others.map(({ transport }) => transport)).size, others.length);
});

test('connections are kept over a reload until their own settings change', (t) => {
  const open = poolFor(t);
  const { transport } = open({ type: 'openai', url, slots: 1 });
  assert.equal(open({ type: 'openai', url, slots: 2 }).transport, transport);
  assert.notEqual(open({ type: 'openai', url, keepAliveMs: 5 }).transport, transport);
});

test('every slot has a connection, however few were asked for', async (t) => {
  const answering = new Set<ServerResponse>();
  const allCame = Promise.withResolvers<void>();
  const server = createServer((_request, response) => {
    if (answering.add(response).size === 8) allCame.resolve();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const open = poolFor(t);
  const { transport } = open({ type: 'openai', url: `http://127.0.0.1:${port}`, slots: 8, connections: 1 });
  const ended = Array.from({ length: 8 }, () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    transport.send(
      { method: 'GET', path: '/', headers: [] },
      { sent: () => {}, head: () => {}, data: () => {}, end: resolve, fail: reject },
    );
    return promise;
  });
  await allCame.promise;
  for (const response of answering) response.end();
  await Promise.all(ended);
});
