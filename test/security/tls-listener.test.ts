/** TLS on the clients' listener: what it speaks, what it refuses, and how its certificates change (P10, S34). */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { rename, unlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { Agent } from 'node:https';
import { connect } from 'node:net';
import { test } from 'node:test';
import { openTestAdmin } from '../admin-rig.ts';
import { until } from '../faults/rig.ts';
import { openTestGateway } from '../gateway.ts';
import type { Identity } from '../upstream/certificate.ts';
import { answerTo, closing, collect } from './raw.ts';
import { ask, authority, openCertificatePlace, openTlsGateway, shake, shown } from './tls-rig.ts';

const chat = { model: 'simulator', messages: [{ role: 'user', content: 'hello' }] };
/** Sixty tokens take more than a second. */
const slow = {
  upstreams: { sim: { type: 'simulator', tokensPerSecond: 50, firstTokenMs: 1 } },
  models: { simulator: { targets: [{ upstream: 'sim', model: 'simulator' }] } },
};
const printOf = ({ cert }: Pick<Identity, 'cert'>) => new X509Certificate(cert).fingerprint256;

test('whole answers and streams come over TLS, and tell browsers to stay with it', async (t) => {
  const gateway = await openTlsGateway(t);
  for (const stream of [false, true]) {
    const { status, headers } = await ask(gateway, {
      path: '/v1/chat/completions',
      body: { ...chat, stream },
    });
    assert.equal(status, 200);
    assert.equal(headers['strict-transport-security'], 'max-age=31536000');
  }
});

test('browsers are asked nothing where the operator says so, and without TLS', async (t) => {
  const silent = await openTlsGateway(t, { tls: { hstsS: 0 } });
  assert.equal((await ask(silent, { path: '/v1/models' })).headers['strict-transport-security'], undefined);
  const plain = await openTestGateway();
  t.after(() => plain.close());
  const answer = await fetch(`${plain.url}/v1/models`);
  assert.equal(answer.headers.has('strict-transport-security'), false);
});

test('TLS before 1.2, and before what is asked for, is refused', async (t) => {
  const gateway = await openTlsGateway(t);
  const old = { minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' };
  for (const maxVersion of ['TLSv1', 'TLSv1.1'])
    await assert.rejects(shake(gateway.port, { ...old, maxVersion }), /protocol|version|ECONNRESET/i);
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
    const socket = await shake(gateway.port, { maxVersion });
    assert.equal(socket.getProtocol(), maxVersion);
    socket.destroy();
  }
  const strict = await openTlsGateway(t, { tls: { minVersion: '1.3' } });
  await assert.rejects(shake(strict.port, { maxVersion: 'TLSv1.2' }), /protocol|version|ECONNRESET/i);
});

test('HTTP/2 is not spoken to clients', async (t) => {
  const gateway = await openTlsGateway(t);
  const both = await shake(gateway.port, { ALPNProtocols: ['h2', 'http/1.1'] });
  assert.equal(both.alpnProtocol, 'http/1.1');
  both.destroy();
  await assert.rejects(shake(gateway.port, { ALPNProtocols: ['h2'] }), /application protocol|ECONNRESET/i);
});

test('P10: a new certificate is shown to new connections, while a stream goes on over its own', async (t) => {
  const gateway = await openTlsGateway(t, { config: slow });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  assert.equal((await ask(gateway, { path: '/v1/models', agent })).status, 200);
  const next = authority.issue('none');
  let streams = true;
  const streaming = ask(gateway, {
    path: '/v1/chat/completions',
    body: { ...chat, stream: true, max_tokens: 60 },
    agent,
  }).finally(() => {
    streams = false;
  });
  await gateway.certificate.put(next);
  await until('the new one is shown', async () => (await shown(gateway.port)) === printOf(next));
  assert.ok(streams, 'the stream goes on');
  const { status, text } = await streaming;
  assert.equal(status, 200);
  assert.match(text, /data: \[DONE\]/);
  assert.equal((await ask(gateway, { path: '/v1/models', agent })).status, 200);
});

test('P10: a certificate that was moved in place, as tools do it, is noticed', async (t) => {
  const gateway = await openTlsGateway(t);
  const next = authority.issue('none');
  const { cert, key } = gateway.certificate;
  await writeFile(`${cert}.new`, next.cert);
  await writeFile(`${key}.new`, next.key);
  await rename(`${cert}.new`, cert);
  await rename(`${key}.new`, key);
  await until('the new one is shown', async () => (await shown(gateway.port)) === printOf(next));
});

const other = authority.issue('none');
const badPairs: readonly {
  readonly name: string;
  readonly put: Partial<Identity>;
  readonly says: RegExp;
}[] = [
  {
    name: 'a certificate without its key',
    put: { cert: other.cert },
    says: /is not the key of the certificate/,
  },
  {
    name: 'a key without its certificate',
    put: { key: other.key },
    says: /is not the key of the certificate/,
  },
  { name: 'half a certificate', put: { cert: other.cert.slice(0, 200) }, says: /certificate/ },
  { name: 'an empty certificate', put: { cert: '' }, says: /holds no certificate in PEM/ },
  { name: 'something else', put: { cert: 'hello' }, says: /holds no certificate in PEM/ },
  { name: 'a key that is none', put: { key: 'hello' }, says: /holds no private key/ },
  {
    name: 'a key with a passphrase',
    put: { key: '-----BEGIN ENCRYPTED PRIVATE KEY-----\n-----END ENCRYPTED PRIVATE KEY-----\n' },
    says: /without a passphrase/,
  },
  { name: 'one that has expired', put: authority.issue('expired'), says: /has expired/ },
  { name: 'far too much', put: { cert: other.cert.repeat(3000) }, says: /too large/ },
];

for (const { name, put, says } of badPairs) {
  test(`P10: where the files become ${name}, the one before stays and the reason is told`, async (t) => {
    const first = authority.issue('none');
    const gateway = await openTlsGateway(t, { identity: first });
    await gateway.certificate.put(put);
    const [trouble = ''] = await gateway.gateway.listener.renewCertificate();
    assert.match(trouble, says);
    assert.equal(await shown(gateway.port), printOf(first));
    assert.equal((await ask(gateway, { path: '/v1/models' })).status, 200);
    assert.ok(gateway.lines.some((line) => line.includes('the one before stays') && says.test(line)));
    assert.ok(!gateway.lines.join().includes('PRIVATE'), 'no key in the log');
    const good = authority.issue('none');
    await gateway.certificate.put(good);
    assert.deepEqual(await gateway.gateway.listener.renewCertificate(), []);
    assert.equal(await shown(gateway.port), printOf(good));
  });
}

test('P10: files that vanish leave the certificate in use', async (t) => {
  const first = authority.issue('none');
  const gateway = await openTlsGateway(t, { identity: first });
  await unlink(gateway.certificate.cert);
  assert.match((await gateway.gateway.listener.renewCertificate()).join(), /cannot be read \(ENOENT\)/);
  assert.equal(await shown(gateway.port), printOf(first));
});

test('a start with a pair that does not fit fails, and says so', async (t) => {
  const place = await openCertificatePlace(t);
  await place.put({ cert: authority.issue('none').cert, key: authority.issue('none').key });
  const { cert, key } = place;
  await assert.rejects(openTestGateway({ config: { listen: { tls: { cert, key } } } }), /is not the key of/);
});

test('a certificate that ends within two weeks is told of at the start', async (t) => {
  const gateway = await openTlsGateway(t);
  assert.ok(gateway.lines.some((line) => /expires in 1 days.*needs to be renewed/.test(line)));
});

test('S34: broken handshakes end their own connection and nothing else', async (t) => {
  const gateway = await openTlsGateway(t);
  const pieces: readonly Buffer[] = [
    Buffer.from('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'),
    Buffer.alloc(65_536, 0xff),
    Buffer.from('1603010005010000010003', 'hex'),
    Buffer.from('160301ffff', 'hex'),
    Buffer.from('15030100020228', 'hex'),
    Buffer.from('80'.repeat(300), 'hex'),
  ];
  for (const bytes of pieces) {
    const socket = connect({ port: gateway.port, host: '127.0.0.1' });
    collect(socket);
    socket.on('connect', () => socket.end(bytes));
    await closing(socket);
  }
  const reset = connect({ port: gateway.port, host: '127.0.0.1' });
  await once(reset, 'connect');
  reset.write(Buffer.from('1603010200010001fc', 'hex'), () => reset.resetAndDestroy());
  await closing(reset);
  for (const servername of ['x'.repeat(255), 'elsewhere.example', 'ex\u0000ample', '*'])
    await shake(gateway.port, { servername, rejectUnauthorized: false }).then(
      (socket) => socket.destroy(),
      () => {},
    );
  assert.equal((await ask(gateway, { path: '/v1/models' })).status, 200);
});

test('C4: a handshake that hangs is cut in time', async (t) => {
  const gateway = await openTlsGateway(t, { listen: { headersMs: 300 } });
  for (const begun of ['', '1603010200010001fc0303']) {
    const startedMs = performance.now();
    const socket = connect({ port: gateway.port, host: '127.0.0.1' });
    collect(socket);
    socket.write(Buffer.from(begun, 'hex'));
    await closing(socket);
    assert.ok(performance.now() - startedMs < 2_000, `after ${performance.now() - startedMs} ms`);
  }
});

test('C4: a client that shakes hands and then says nothing is cut in time', async (t) => {
  const gateway = await openTlsGateway(t, { listen: { headersMs: 300 } });
  const startedMs = performance.now();
  const socket = await shake(gateway.port);
  collect(socket);
  await closing(socket);
  assert.ok(performance.now() - startedMs < 3_000);
});

test('a handshake that hangs does not hold up the end', async (t) => {
  const gateway = await openTlsGateway(t);
  const socket = connect({ port: gateway.port, host: '127.0.0.1' });
  collect(socket);
  await once(socket, 'connect');
  socket.write(Buffer.from('16030102', 'hex'));
  await ask(gateway, { path: '/v1/models' });
  const startedMs = performance.now();
  await gateway.gateway.close(100);
  await closing(socket);
  assert.ok(performance.now() - startedMs < 2_000);
});

test('an idle connection over TLS does not hold up the end either', async (t) => {
  const gateway = await openTlsGateway(t);
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  await ask(gateway, { path: '/v1/models', agent });
  const startedMs = performance.now();
  await gateway.gateway.close(30_000);
  assert.ok(performance.now() - startedMs < 2_000);
});

test('who comes without TLS is sent on, with path, query and method', async (t) => {
  const gateway = await openTlsGateway(t, { tls: { redirectFrom: '127.0.0.1:0' } });
  const port = gateway.gateway.listener.redirectPort ?? 0;
  const sent = request({ port, host: '127.0.0.1', method: 'POST', path: '/v1/models?a=b' });
  sent.setHeader('host', 'gateway.example:8080');
  sent.end('{}');
  const [answer] = await once(sent, 'response');
  assert.equal(answer.statusCode, 308);
  assert.equal(answer.headers.location, `https://gateway.example:${gateway.port}/v1/models?a=b`);
  answer.resume();
});

test('what is no name is not sent anywhere', async (t) => {
  const gateway = await openTlsGateway(t, { tls: { redirectFrom: '127.0.0.1:0' } });
  const port = gateway.gateway.listener.redirectPort ?? 0;
  for (const host of ['evil.example/x', 'a@evil.example', 'evil.example, localhost', '', '[::1'])
    assert.equal((await answerTo(port, `GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`)).status, 400, host);
  assert.equal(
    (await answerTo(port, 'GET http://evil.example/ HTTP/1.1\r\nhost: localhost\r\n\r\n')).status,
    400,
  );
  const slashes = await answerTo(port, 'GET //evil.example HTTP/1.1\r\nhost: localhost\r\n\r\n');
  assert.equal(slashes.headers.get('location'), `https://localhost:${gateway.port}//evil.example`);
});

test('the admin listener sends those on too who come without TLS, and bounds its connections', async (t) => {
  const certificate = await openCertificatePlace(t);
  await certificate.put(authority.issue('none'));
  const { cert, key } = certificate;
  const redirectFrom = { host: '127.0.0.1', port: 0 };
  const tls = { cert, key, minVersion: '1.2', hstsS: 60, redirectFrom } as const;
  const { port, redirectPort = 0, close } = await openTestAdmin({ admin: { tls, connectionsMax: 2 } });
  t.after(close);
  const sent = await answerTo(redirectPort, 'GET /livez?a=b HTTP/1.1\r\nhost: ops.example\r\n\r\n');
  assert.equal(sent.status, 308);
  assert.equal(sent.headers.get('location'), `https://ops.example:${port}/livez?a=b`);
  const open = [await shake(port), await shake(port)];
  await assert.rejects(shake(port));
  for (const socket of open) socket.destroy();
});
