/** From which addresses anyone may connect, and how often at once. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { millrace, openPlace, serve } from '../cli/gateway-process.ts';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { answerTo, closing, collect, requestBytes } from './raw.ts';
import { openTlsGateway } from './tls-rig.ts';

const elsewhere = ['203.0.113.0/24', '2001:db8::/32'];

async function open(t: TestContext, listen: object): Promise<TestGateway> {
  const gateway = await openTestGateway({ config: { listen } });
  t.after(() => gateway.close());
  return gateway;
}

const list = (gateway: TestGateway, headers: Readonly<Record<string, string>> = {}): Buffer =>
  requestBytes({ path: '/v1/models', headers: { authorization: `Bearer ${gateway.key}`, ...headers } });

/** What came back on a connection that is refused: nothing at all. */
async function refused(port: number, bytes: Buffer | string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  const text = collect(socket);
  socket.write(bytes);
  await closing(socket);
  return text();
}

test('who is in the list is served', async (t) => {
  for (const allow of [['127.0.0.1'], ['127.0.0.0/8'], ['0.0.0.0/0'], [...elsewhere, '127.0.0.1/32']]) {
    const gateway = await open(t, { allow });
    assert.equal((await answerTo(gateway.port, list(gateway))).status, 200, allow.join());
  }
});

test('who is not in the list is reset before a byte is read, and told of once', async (t) => {
  const gateway = await open(t, { allow: elsewhere });
  for (const headers of [{}, { 'x-forwarded-for': '203.0.113.7' }, { forwarded: 'for=203.0.113.7' }])
    assert.equal(await refused(gateway.port, list(gateway, headers)), '');
  assert.equal(await refused(gateway.port, 'garbage'), '');
  assert.deepEqual(gateway.exchangeLines, []);
  const told = gateway.lines.filter((line) => line.includes('not allowed'));
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /"address":"127\.0\.0\.1"/);
});

test('no handshake is begun with who is not in the list', async (t) => {
  const gateway = await openTlsGateway(t, {
    listen: { allow: elsewhere },
    tls: { redirectFrom: '127.0.0.1:0' },
  });
  assert.equal(await refused(gateway.port, Buffer.from('1603010200010001fc0303', 'hex')), '');
  const plain = gateway.gateway.listener.redirectPort ?? 0;
  assert.equal(await refused(plain, 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'), '');
});

test('behind a trusted proxy each request is judged by the client that it comes from', async (t) => {
  const gateway = await open(t, { allow: elsewhere, trustedProxies: ['127.0.0.1'] });
  const statusOf = async (headers: Readonly<Record<string, string>>) =>
    (await answerTo(gateway.port, list(gateway, headers))).status;
  assert.equal(await statusOf({ 'x-forwarded-for': '203.0.113.7' }), 200);
  assert.equal(await statusOf({ 'x-forwarded-for': '198.51.100.1, 203.0.113.7' }), 200);
  assert.equal(await statusOf({ 'x-forwarded-for': '198.51.100.1' }), 403);
  assert.equal(await statusOf({ 'x-forwarded-for': '203.0.113.7, 198.51.100.1' }), 403);
  assert.equal(await statusOf({ 'x-forwarded-for': '127.0.0.1' }), 403);
  assert.equal(await statusOf({}), 403, 'a proxy that tells nothing speaks for itself');
  assert.equal(await statusOf({ 'x-forwarded-for': 'unknown' }), 400);
});

test('a refusal speaks the dialect of its path, comes before the key, and closes nothing else', async (t) => {
  const gateway = await open(t, { allow: elsewhere, trustedProxies: ['127.0.0.1'] });
  const headers = { 'x-forwarded-for': '198.51.100.1' };
  const openai = await answerTo(gateway.port, requestBytes({ path: '/v1/models', headers }));
  assert.equal(openai.status, 403);
  assert.equal((openai.json['error'] as { code: string }).code, 'forbidden');
  const ollama = await answerTo(gateway.port, requestBytes({ path: '/api/tags', headers }));
  assert.equal(ollama.status, 403);
  assert.equal(typeof ollama.json['error'], 'string');
  const health = await answerTo(gateway.port, requestBytes({ path: '/health', headers }));
  assert.equal(health.status, 403);
});

test('a page whose browser is not in the list gets no preflight either', async (t) => {
  const gateway = await open(t, {
    allow: elsewhere,
    trustedProxies: ['127.0.0.1'],
    cors: ['https://chat.example'],
  });
  const preflight = (client: string) =>
    answerTo(
      gateway.port,
      requestBytes({
        method: 'OPTIONS',
        path: '/v1/models',
        headers: {
          origin: 'https://chat.example',
          'access-control-request-method': 'GET',
          'x-forwarded-for': client,
        },
      }),
    );
  assert.equal((await preflight('198.51.100.1')).status, 403);
  assert.equal((await preflight('203.0.113.7')).status, 200);
});

test('loopback may have more connections than one address may', async (t) => {
  const gateway = await open(t, { connectionsPerAddress: 2 });
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (const _ of Array(6)) {
    const socket = connect({ port: gateway.port, host: '127.0.0.1' });
    sockets.push(socket);
    await once(socket, 'connect');
  }
  assert.equal((await answerTo(gateway.port, list(gateway))).status, 200);
});

test('beyond `connectionsMax` connections are closed, and there is room again when others end', async (t) => {
  const gateway = await open(t, { connectionsMax: 2 });
  const held = [0, 1].map(() => connect({ port: gateway.port, host: '127.0.0.1' }));
  await Promise.all(held.map((socket) => once(socket, 'connect')));
  assert.equal(await refused(gateway.port, list(gateway)), '');
  for (const socket of held) socket.destroy();
  await until('there is room', async () => (await refusedOrServed(gateway)) !== '');
});

async function refusedOrServed(gateway: TestGateway): Promise<string> {
  const socket = connect({ port: gateway.port, host: '127.0.0.1' });
  const text = collect(socket);
  socket.end(requestBytes({ path: '/health', headers: { connection: 'close' } }));
  await closing(socket);
  return text();
}

test('the admin listener has a list of its own', async () => {
  await using place = await openPlace();
  const write = (allow: readonly string[]) =>
    place.write(
      'millrace.yaml',
      JSON.stringify({ admin: { allow }, upstreams: { sim: { type: 'simulator' } } }),
    );
  await write(elsewhere);
  await using closed = await serve([], { place });
  assert.equal((await closed.chat({ model: 'sim/simulator' })).status < 500, true);
  await assert.rejects(closed.admin('status'));
  assert.notEqual((await millrace(['ps'], { place })).code, 0);
  await closed.stop();
  await write(['127.0.0.1', '::1']);
  await using opened = await serve([], { place });
  assert.equal((await opened.admin('status')).status, 200);
});
