// Connections that the kernel has taken for the gateway when it stops listening (G23).
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { openTestGateway } from '../gateway.ts';
import { requestBytes } from '../security/raw.ts';

/** More than are accepted in one turn of the event loop. */
const clients = 50;

test('G23: who has connected by the time the gateway stops listening is served, however many wait to be accepted', async (t) => {
  const gateway = await openTestGateway();
  t.after(() => gateway.close());
  const answers = Array.from({ length: clients }, () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    let text = '';
    const socket = connect(gateway.port, '127.0.0.1');
    socket.write(requestBytes({ path: '/livez' }));
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    socket.once('error', ({ message }) => resolve(message)).once('close', () => resolve(text));
    return promise;
  });
  // Node connects with the next tick: by then the kernel knows all of them, and this process has accepted none.
  await new Promise((resolve) => process.nextTick(resolve));
  const closed = gateway.gateway.close(5_000);
  for (const answer of await Promise.all(answers)) assert.match(answer, /^HTTP\/1\.1 [25]\d\d /);
  await closed;
});
