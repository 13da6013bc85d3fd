import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { holdConnections } from './hold.ts';

async function serve(
  context: TestContext,
  answer: RequestListener,
): Promise<{ server: Server; url: string }> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

async function openConnections(server: Server): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  server.getConnections((_error, count) => resolve(count));
  return await promise;
}

test('connections are answered once, stay open, and go when closed', async (context) => {
  let requests = 0;
  const { server, url } = await serve(context, (_request, reply) => {
    requests += 1;
    reply.end('{}');
  });
  const held = await holdConnections({ url, connections: 50, openingMax: 8 });
  assert.deepEqual([held.opened, held.failed, held.lost], [50, 0, 0]);
  assert.equal(requests, 50);
  assert.equal(await openConnections(server), 50);
  held.close();
  while ((await openConnections(server)) > 0) await turn();
  assert.equal(held.lost, 0);
});

test('connections that the server closes are counted as lost', async (context) => {
  const { server, url } = await serve(context, (_request, reply) => void reply.end('{}'));
  const held = await holdConnections({ url, connections: 10 });
  server.closeIdleConnections();
  while (held.lost < 10) await turn();
  assert.equal(held.opened, 10);
  held.close();
});

test('connections that are refused service are counted as failed', async (context) => {
  let requests = 0;
  const { url } = await serve(context, (_request, reply) => {
    requests += 1;
    reply.statusCode = requests > 6 ? 503 : 200;
    reply.end('{}');
  });
  const held = await holdConnections({ url, connections: 10 });
  assert.deepEqual([held.opened, held.failed, held.lost], [6, 4, 0]);
  held.close();
});

test('a server that never answers does not hold up for ever', async (context) => {
  const { url } = await serve(context, () => undefined);
  const startedAt = performance.now();
  const held = await holdConnections({ url, connections: 10, openingMax: 3, timeoutMs: 50 });
  assert.deepEqual([held.opened, held.failed], [0, 10]);
  assert.ok(performance.now() - startedAt < 2_000);
  held.close();
});

test('an abort ends the holding at once', async (context) => {
  const stop = new AbortController();
  const { server, url } = await serve(context, () => stop.abort());
  const held = await holdConnections({ url, connections: 10, signal: stop.signal });
  assert.equal(held.opened, 0);
  while ((await openConnections(server)) > 0) await turn();
});
