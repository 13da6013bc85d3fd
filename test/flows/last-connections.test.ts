// Who is still there when the gateway stops: connections that the kernel has taken for it, and requests in the queue (G23).
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { openFaultRig, until } from '../faults/rig.ts';
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

for (const stream of [false, true]) {
  test(`G23: ${stream ? 'a stream' : 'a request'} that waits for a slot when all others are ended is told why, and nothing is asked for it`, async (t) => {
    const rig = await openFaultRig(t, {
      upstream: { slots: 1 },
      behaviour: { stallBeforeHead: true },
      clocks: { firstTokenMs: 60_000 },
    });
    const clients = [rig.send({ route: 'openai.chat', stream })];
    await rig.llm.waitForRequest(({ method }) => method === 'POST');
    // The second is given the slot of the first, and would keep the third waiting.
    clients.push(rig.send({ route: 'openai.chat', stream }), rig.send({ route: 'openai.chat', stream }));
    const { scheduler } = rig.gateway.gateway.lasting;
    await until('two wait', () => scheduler.waiting === 2);
    const closed = rig.gateway.gateway.close(0);
    for (const { head, content } of await Promise.all(clients.map((client) => client.reply()))) {
      assert.match(head, /^HTTP\/1\.1 503 /);
      assert.match(content.toString(), /server_draining/);
    }
    assert.equal(rig.llm.requests.filter(({ method }) => method === 'POST').length, 1);
    await closed;
  });
}

test('G23: whoever waits for a server that may not be asked yet is told when the gateway stops', async (t) => {
  const rig = await openFaultRig(t, {
    behaviour: { status: 503, headers: { 'retry-after': '5' } },
    config: { retries: { attempts: 1 } },
  });
  assert.match((await rig.ask({ route: 'openai.chat' })).head, /^HTTP\/1\.1 503 /);
  const client = rig.send({ route: 'openai.chat' });
  await until('it waits', () => rig.gateway.gateway.lasting.scheduler.waiting === 1);
  const closed = rig.gateway.gateway.close(0);
  assert.match((await client.reply()).content.toString(), /server_draining/);
  await closed;
});
