import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { oneAtATime } from './one-at-a-time.ts';

/** What Node reads at once. */
const pieceBytes = 65_536;

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
