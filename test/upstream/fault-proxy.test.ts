import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { openFakeLlm } from './fake-llm.ts';
import { type FaultProxy, openFaultProxy } from './fault-proxy.ts';
import { ask, openRawClient, type RawClient } from './raw-client.ts';

/** A target that answers every byte with itself, and the sockets it has. */
async function startEcho(t: TestContext): Promise<{ proxy: FaultProxy; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => socket.write(bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const proxy = await openFaultProxy(address.port);
  t.after(async () => {
    await proxy.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { proxy, sockets };
}

function connectTo(t: TestContext, proxy: FaultProxy): RawClient {
  const client = openRawClient(proxy.port);
  t.after(() => client.socket.destroy());
  return client;
}

test('without faults everything passes as it came, and connections are counted and closed with their ends', async (t) => {
  const llm = await openFakeLlm();
  t.after(() => llm.close());
  const proxy = await openFaultProxy(llm.port);
  t.after(() => proxy.close());
  const body = { model: 'm', messages: [{ role: 'user', content: 'x'.repeat(500_000) }], stream: true };
  const client = openRawClient(proxy.port);
  client.send('/v1/chat/completions', body);
  const request = await llm.waitForRequest();
  assert.deepEqual([proxy.openConnections(), proxy.accepted(), llm.openConnections()], [1, 1, 1]);
  assert.deepEqual(request.json, body);
  assert.ok((await client.reply()).isComplete);
  await llm.waitForClose(request);
  assert.match(await (await fetch(proxy.url)).text(), /Ollama is running/);
  assert.equal(proxy.accepted(), 2);
});

test('G15: a client that leaves reaches the target through the proxy within 50 ms', async (t) => {
  const llm = await openFakeLlm({ stallAfterChunks: 1 });
  t.after(() => llm.close());
  const proxy = await openFaultProxy(llm.port);
  t.after(() => proxy.close());
  for (const way of ['destroy', 'resetAndDestroy'] as const) {
    const client = openRawClient(proxy.port);
    client.send('/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }], stream: true });
    const request = await llm.waitForRequest();
    await client.received(300);
    const leftAt = performance.now();
    client.socket[way]();
    await llm.waitForClose(request);
    assert.ok(Number(request.closedAt) - leftAt < 50);
    assert.equal(request.aborted, true);
  }
});

test('latency delays each way, jitter adds to it, and the order stays', async (t) => {
  const { proxy } = await startEcho(t);
  proxy.behave({ latencyMs: 20, jitterMs: 20 });
  const client = connectTo(t, proxy);
  const sentAt = performance.now();
  for (let index = 0; index < 20; index += 1) client.socket.write(`${index};`);
  const expected = Array.from({ length: 20 }, (_, index) => `${index};`).join('');
  await client.received(expected.length);
  assert.equal(client.bytes().toString(), expected);
  assert.ok(performance.now() - sentAt >= 40, 'there and back');
});

test('latency does not limit how much is under way', async (t) => {
  const { proxy } = await startEcho(t);
  proxy.behave({ latencyMs: 30 });
  const client = connectTo(t, proxy);
  const sentAt = performance.now();
  client.socket.write(Buffer.alloc(500_000, 'x'));
  await client.received(500_000);
  assert.ok(performance.now() - sentAt < 500, 'all of it in about one round trip');
});

test('a rate spreads bytes over the time that they take', async (t) => {
  const { proxy } = await startEcho(t);
  proxy.behave({ bytesPerSecond: 10_000 });
  const client = connectTo(t, proxy);
  const sentAt = performance.now();
  client.socket.write(Buffer.alloc(1_000, 'x'));
  await client.received(1_000);
  assert.ok(performance.now() - sentAt >= 85, `${performance.now() - sentAt} ms`);
  client.socket.destroy();
  assert.ok((await client.reply()).reads.length >= 5, 'they come in pieces');
});

test('cuts let exactly so many bytes pass, up or down, and end as told', async (t) => {
  const { proxy, sockets } = await startEcho(t);
  proxy.behave({ cutUpAfterBytes: 7 });
  const up = connectTo(t, proxy);
  up.socket.write('0123456789');
  assert.equal((await up.reply()).ending, 'closed');
  assert.equal(sockets[0]?.bytesRead, 7);
  proxy.behave({ cutUpAfterBytes: Number.POSITIVE_INFINITY, cutDownAfterBytes: 4, cutWith: 'reset' });
  const down = connectTo(t, proxy);
  down.socket.write('0123456789');
  assert.equal((await down.reply()).ending, 'reset');
  assert.equal(down.bytes().toString(), '0123');
});

test('U4: a frozen line is silent both ways, and delivers what was under way once thawed', async (t) => {
  const { proxy, sockets } = await startEcho(t);
  const client = connectTo(t, proxy);
  client.socket.write('before');
  await client.received(6);
  proxy.freeze();
  client.socket.write(' after');
  sockets[0]?.write(' unasked');
  const newcomer = connectTo(t, proxy);
  newcomer.socket.write('hello');
  await once(newcomer.socket, 'connect');
  // A round trip through another proxy gives the bytes all the time that they would need.
  const other = await startEcho(t);
  const probe = connectTo(t, other.proxy);
  probe.socket.write('probe');
  await probe.received(5);
  assert.equal(client.bytes().toString(), 'before');
  assert.equal(newcomer.bytes().length, 0);
  proxy.thaw();
  await client.received('before after unasked'.length);
  await newcomer.received(5);
  assert.match(client.bytes().toString(), /after/);
});

test('U10: resetting all ends every connection with RST on both sides', async (t) => {
  const { proxy, sockets } = await startEcho(t);
  const clients = [connectTo(t, proxy), connectTo(t, proxy)];
  for (const client of clients) {
    client.socket.write('x');
    await client.received(1);
  }
  const errors = sockets.map((socket) => once(socket, 'error'));
  proxy.resetAll();
  for (const client of clients) assert.equal((await client.reply()).ending, 'reset');
  for (const error of errors) assert.equal((await error)[0].code, 'ECONNRESET');
});

test('half-closing one end lets bytes travel the other way', async (t) => {
  const { proxy, sockets } = await startEcho(t);
  const client = connectTo(t, proxy);
  client.socket.write('x');
  await client.received(1);
  const [target] = sockets;
  assert.ok(target);
  const ended = once(target, 'end');
  proxy.halfClose('target');
  await ended;
  target.write('still here');
  await client.received(11);
  assert.equal(client.bytes().toString(), 'xstill here');
  proxy.halfClose('client');
  assert.equal((await client.reply()).ending, 'closed');
});

test('U10: refusing means ECONNREFUSED for newcomers only, until it accepts again on the same port', async (t) => {
  const { proxy } = await startEcho(t);
  const { port } = proxy;
  const client = connectTo(t, proxy);
  client.socket.write('x');
  await client.received(1);
  proxy.refuse();
  const refused = connectTo(t, proxy);
  const [error] = await once(refused.socket, 'error');
  assert.equal(error.code, 'ECONNREFUSED');
  client.socket.write('y');
  await client.received(2);
  await proxy.accept();
  assert.equal(proxy.port, port);
  const welcome = connectTo(t, proxy);
  welcome.socket.write('z');
  await welcome.received(1);
});

test('a target that is not there resets its clients', async (t) => {
  const llm = await openFakeLlm();
  const proxy = await openFaultProxy(llm.port);
  t.after(() => proxy.close());
  await llm.close();
  assert.equal((await ask(proxy.port, '/')).ending, 'reset');
});
