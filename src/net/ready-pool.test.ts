import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Client } from 'undici';
import base from 'undici/lib/dispatcher/pool-base.js';
import { createHttpTransport } from './http-transport.ts';
import { LiveClient } from './live-client.ts';
import { ReadyPool } from './ready-pool.ts';

/** Answers when it is told to, and says over which of its connections it was asked. */
async function openRig(t: TestContext, connections: number) {
  const asked: ServerResponse[] = [];
  const sockets: Socket[] = [];
  const server = createServer((_request, response) => void asked.push(response)).listen(0, '127.0.0.1');
  server.on('connection', (socket) => sockets.push(socket));
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const transport = createHttpTransport({
    origin,
    basePath: '',
    headers: [],
    connections,
    idleMax: 100,
    connectMs: 5_000,
    keepAliveMs: 30_000,
  });
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await transport.close();
  });
  const send = (end: () => void, fail: (reason: unknown) => void) =>
    transport.send(
      { method: 'GET', path: '/', headers: [] },
      { sent: () => {}, head: () => {}, data: () => {}, end, fail },
    );
  const ask = async () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const count = asked.length;
    send(resolve, reject);
    while (asked.length === count) await once(server, 'request');
    const response = asked.at(-1) as ServerResponse;
    const over = sockets.indexOf(response.req.socket);
    return {
      over,
      async answer() {
        response.end('done');
        await promise;
        // The connection can be asked again in the next turn, whoever has heard of its answer.
        for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      },
    };
  };
  return { ask, send, asked, sockets, server };
}

test('of those that are free the connection that was used last is taken', async (t) => {
  const { ask, sockets } = await openRig(t, 10);
  const [first, second, third] = [await ask(), await ask(), await ask()];
  assert.deepEqual([first.over, second.over, third.over], [0, 1, 2]);
  await third.answer();
  await first.answer();
  await second.answer();
  for (let round = 0; round < 3; round += 1) {
    const again = await ask();
    assert.equal(again.over, 1);
    await again.answer();
  }
  const [one, two, three] = [await ask(), await ask(), await ask()];
  assert.deepEqual([one.over, two.over, three.over], [1, 0, 2]);
  for (const each of [one, two, three]) await each.answer();
  assert.equal(sockets.length, 3);
});

test('one that was closed while it rested is not opened again while another is open', async (t) => {
  const { ask, sockets } = await openRig(t, 10);
  const [first, second] = [await ask(), await ask()];
  await first.answer();
  await second.answer();
  const closed = once(sockets[1] as Socket, 'close');
  sockets[1]?.end();
  await closed;
  const again = await ask();
  assert.equal(again.over, 0);
  await again.answer();
  assert.equal(sockets.length, 2);
});

test('U10: after one that broke in use another is opened, and none taken that may be as stale', async (t) => {
  const { ask, send, asked, sockets, server } = await openRig(t, 10);
  const [first, second] = [await ask(), await ask()];
  await first.answer();
  await second.answer();
  const broke = new Promise((resolve) => send(() => resolve(undefined), resolve));
  await once(server, 'request');
  asked.at(-1)?.destroy();
  assert.equal(((await broke) as { code?: string }).code, 'upstream_cut');
  await new Promise((resolve) => setImmediate(resolve));
  const again = await ask();
  assert.equal(again.over, 2);
  await again.answer();
  assert.equal(sockets.length, 3);
});

test('no more connections are opened than may be, and who has to wait is sent in the order of coming', async (t) => {
  const { send, asked, sockets, server } = await openRig(t, 4);
  const ended: number[] = [];
  const all = Array.from({ length: 40 }, (_, at) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    send(() => {
      ended.push(at);
      resolve();
    }, reject);
    return promise;
  });
  for (let answered = 0; answered < all.length; answered += 1) {
    while (asked.length <= answered) await once(server, 'request');
    asked[answered]?.end('done');
  }
  await Promise.all(all);
  assert.equal(sockets.length, 4);
  assert.equal(ended.length, 40);
  for (const [at, number] of ended.entries())
    assert.ok(Math.abs(at - number) < 8, `${number} ended as the ${at}th`);
});

test('a request looks at no connection but its own, however many are open beside it', async (t) => {
  const held: ServerResponse[] = [];
  const server = createServer((request, response) => {
    if (request.url === '/held') held.push(response);
    else response.end('done');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clients: Client[] = [];
  const pool = new ReadyPool(`http://127.0.0.1:${port}`, {
    connections: 100,
    factory: (origin, options) => {
      const client = new LiveClient(origin, options);
      clients.push(client);
      return client;
    },
  });
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await pool.destroy();
  });
  const ask = (path: string) =>
    new Promise<void>((resolve, reject) => {
      const told = { onRequestStart: () => {}, onResponseStart: () => {}, onResponseData: () => {} };
      const ended = {
        onResponseEnd: () => resolve(),
        onResponseError: (_: unknown, error: Error) => reject(error),
      };
      pool.dispatch({ method: 'GET', path, headers: [] }, { ...told, ...ended });
    });
  for (let at = 0; at < 20; at += 1) ask('/held').catch(() => {});
  while (held.length < 20) await once(server, 'request');
  const askAndRest = async () => {
    await ask('/');
    await new Promise((resolve) => setImmediate(resolve));
  };
  await askAndRest();
  await askAndRest();
  let looks = 0;
  for (const client of clients.slice(0, 20)) {
    Object.defineProperty(client, base.kNeedDrain, {
      get: () => {
        looks += 1;
        return true;
      },
    });
  }
  for (let at = 0; at < 5; at += 1) await askAndRest();
  assert.equal(looks, 0);
});
