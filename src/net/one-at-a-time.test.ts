import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { oneAtATime } from './one-at-a-time.ts';

/** What Node reads at once. */
const pieceBytes = 65_536;
/** Of all connections together. */
const waitingMax = 4_096;

test('of whoever is far ahead on a connection one piece is read, and the next when few are left of it', async (t) => {
  let accepted: Socket | undefined;
  let answer: ServerResponse | undefined;
  let served = 0;
  const server = createServer(
    oneAtATime((_request, response) => {
      served += 1;
      answer = response;
    }),
  ).listen(0, '127.0.0.1');
  server.on('connection', (socket) => {
    accepted = socket;
  });
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  t.after(() => {
    client.destroy();
    server.close();
  });
  client.on('error', () => {}).resume();
  const request = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
  client.write(request.repeat(100_000));
  const tellNext = async () => {
    const before = served;
    answer?.end();
    while (served === before) {
      assert.equal(accepted?.destroyed, false, 'so much was read that it was cut');
      await turn();
    }
  };
  while (served === 0) await turn();
  for (let count = 0; count < 500; count += 1) await tellNext();
  assert.ok((accepted?.bytesRead ?? 0) <= pieceBytes, `${accepted?.bytesRead} bytes were read`);
  while ((accepted?.bytesRead ?? 0) <= pieceBytes) await tellNext();
  assert.ok(served > pieceBytes / request.length - 20, `only ${served} were told by then`);
});

test('those who are far ahead on their connections are cut when too many wait, and nobody else who sends two at once', {
  timeout: 60_000,
}, async (t) => {
  const open: ServerResponse[] = [];
  const server = createServer(oneAtATime((_request, response) => open.push(response))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const clients: Socket[] = [];
  t.after(() => {
    for (const client of clients) client.destroy();
    server.close();
  });
  const send = async (text: string) => {
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    clients.push(client);
    client.on('error', () => {}).setEncoding('utf8');
    const before = open.length;
    client.write(text);
    while (open.length === before) await turn();
    return client;
  };
  const tiny = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
  // All that may wait, from two connections: one piece of each has room for it.
  for (let count = 0; count < 2; count += 1) await send(tiny.repeat(1 + waitingMax / 2));
  for (let count = 0; count < 10; count += 1) {
    const client = await send(tiny.repeat(2));
    const [ahead] = open.slice(-1);
    const told = Promise.race([once(client, 'data'), once(client, 'close')]);
    ahead?.end('first');
    assert.match(String(await told), /first/, 'it was cut');
  }
});
