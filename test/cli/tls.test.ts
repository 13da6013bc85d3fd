/** Both listeners over TLS in the real process: the verbs find and trust it, and certificates change under it (P10). */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { until } from '../faults/rig.ts';
import { createAuthority, type Identity } from '../upstream/certificate.ts';
import { millrace, openPlace, type Place, serve } from './gateway-process.ts';
import { runVerb } from './run-verb.ts';

const authority = createAuthority();

async function put(place: Place, name: string, identity: Identity): Promise<void> {
  await place.write(`${name}.pem`, identity.cert);
  await place.write(`${name}.key`, identity.key);
}

async function openTlsPlace(t: TestContext): Promise<Place> {
  const place = await openPlace();
  t.after(() => place[Symbol.asyncDispose]());
  await put(place, 'clients', authority.issue('none'));
  // Signed by nobody, and for another name: still it is ours.
  await put(place, 'admin', authority.issue('wrong name'));
  await place.write(
    'millrace.yaml',
    JSON.stringify({
      listen: { tls: { cert: 'clients.pem', key: 'clients.key' } },
      admin: { tls: { cert: 'admin.pem', key: 'admin.key' } },
      upstreams: { sim: { type: 'simulator', tokensPerSecond: 10_000, firstTokenMs: 1 } },
    }),
  );
  return place;
}

/** The certificate that a new connection is shown. */
async function shown(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

const printOf = ({ cert }: Identity) => new X509Certificate(cert).fingerprint256;

test('the verbs speak to a gateway over TLS, and to nothing that shows another certificate', async (t) => {
  const place = await openTlsPlace(t);
  await using gateway = await serve([], { place });
  assert.match(gateway.ready.clients, /^https:/);
  assert.match(gateway.ready.admin, /^https:/);
  for (const args of [['ps'], ['models'], ['keys', 'list'], ['run', 'simulator', 'hello'], ['reload']]) {
    const { code, err } = await millrace(args, { place });
    assert.equal(code, 0, `${args.join(' ')}: ${err}`);
  }
  const benched = await millrace(['bench', '--seconds', '1', '--connections', '1', '--json'], { place });
  assert.equal(benched.code, 0, benched.err);
  await place.write('.millrace/admin-certificate.pem', authority.issue('none').cert);
  const deceived = await runVerb(['ps'], { place });
  assert.notEqual(deceived.code, 0);
  assert.match(deceived.err, /no gateway answers/);
});

test('operators come under names of the certificate, and under no other', async (t) => {
  const place = await openTlsPlace(t);
  await using gateway = await serve([], { place });
  const { port } = new URL(gateway.ready.admin);
  const names = {
    'elsewhere.example': 200,
    localhost: 200,
    '127.0.0.1': 200,
    'evil.example': 421,
    '-': 421,
    '192.0.2.1': 421,
  };
  for (const [name, status] of Object.entries(names)) {
    const sent = request({
      agent: false,
      host: '127.0.0.1',
      port,
      path: '/livez',
      headers: { host: `${name}:${port}` },
      rejectUnauthorized: false,
    });
    sent.end();
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    answer.resume();
    assert.equal(answer.statusCode, status, name);
    assert.equal(answer.headers['strict-transport-security'], 'max-age=31536000');
  }
});

test('P10: `millrace reload` and SIGHUP take over new certificates of both listeners, and say what is wrong', async (t) => {
  const place = await openTlsPlace(t);
  await using gateway = await serve([], { place });
  const { clients, admin } = gateway.ready;
  const before = await shown(admin);
  await place.write('admin.key', 'no key at all');
  const refused = await runVerb(['reload'], { place });
  assert.equal(refused.code, 0);
  assert.match(refused.err, /admin\.tls: .*admin\.key holds no private key.*stays/);
  assert.equal(await shown(admin), before);
  const next = authority.issue('none');
  await put(place, 'clients', next);
  await put(place, 'admin', next);
  const reloaded = await runVerb(['reload'], { place });
  assert.equal(reloaded.code, 0, reloaded.err);
  assert.deepEqual([await shown(clients), await shown(admin)], [printOf(next), printOf(next)]);
  const last = authority.issue('none');
  await put(place, 'clients', last);
  gateway.child.kill('SIGHUP');
  await until('the last one is shown', async () => (await shown(clients)) === printOf(last));
});

test('a start with a certificate that does not fit its key says so in one line', async (t) => {
  const place = await openTlsPlace(t);
  for (const name of ['clients', 'admin']) {
    await place.write(`${name}.key`, authority.issue('none').key);
    const { code, err } = await millrace(['serve'], { place });
    assert.equal(code, 1);
    assert.match(err, new RegExp(`^cannot start: \\S*${name}.key is not the key of the certificate`));
    assert.equal(err.trim().split('\n').length, 1);
    await put(place, name, authority.issue('none'));
  }
});

test('doctor looks at the certificates of both listeners', async (t) => {
  const place = await openTlsPlace(t);
  const states = async () => {
    const { out } = await runVerb(['doctor', '--json'], { place });
    const { findings } = JSON.parse(out) as { findings: { area: string; state: string; says: string }[] };
    return findings.filter(({ area }) => area.endsWith('.tls')).map(({ state, says }) => `${state} ${says}`);
  };
  const [listen = '', ...rest] = await states();
  assert.match(listen, /^warn .*clients\.pem expires in 1 days/);
  assert.ok(rest.some((line) => /^warn .*clients\.key may be read by every user/.test(line)));
  await put(place, 'clients', authority.issue('expired'));
  assert.match((await states())[0] ?? '', /^fail .*has expired on/);
  await place.write('clients.pem', 'nothing');
  assert.match((await states())[0] ?? '', /^fail .*holds no certificate/);
});
