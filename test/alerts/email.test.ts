/** Alerts as mails, to a real mail server. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { until } from '../faults/rig.ts';
import { runSecret } from '../run-canary.ts';
import { createAuthority } from '../upstream/certificate.ts';
import { openAlerts, spent } from './rig.ts';

const authority = createAuthority();
setDefaultCACertificates([...getCACertificates(), authority.cert]);
const identity = authority.issue('none');

const signedIn = { user: 'millrace', password: runSecret('smtp') };

for (const tls of ['starttls', 'implicit'] as const) {
  test(`a mail arrives over ${tls}, from whom it says and with what is wrong`, async (t) => {
    const server = await openMailServer(t, { ...identity, secure: tls === 'implicit' });
    const { alerts, clock } = openAlerts({ to: [mailTo(server.port, { tls, ...signedIn })] });
    alerts.tell(spent('team-a'));
    alerts.tell(spent('team\r\nBcc: other@example.com'));
    clock.advance(10_000);
    await until('it is delivered', () => alerts.receivers[0]?.delivered === 1);
    const [mail] = server.mails;
    assert.deepEqual(
      { from: mail?.from, to: mail?.to, user: mail?.user, secure: mail?.secure },
      {
        from: 'millrace@example.com',
        to: ['a@example.com', 'b@example.com'],
        user: 'millrace',
        secure: true,
      },
    );
    assert.match(
      mail?.text ?? '',
      /^Subject: Millrace: \[warning\] half of team-a is spent \(and 1 more\)\r$/m,
    );
    assert.match(mail?.text ?? '', /budget=3Dteam-a, per=3Dtenant|budget=team-a, per=tenant/);
    assert.doesNotMatch(mail?.text ?? '', /^Bcc:/m);
  });
}

test('a server without TLS gets neither password nor mail', async (t) => {
  const server = await openMailServer(t, { disabledCommands: ['STARTTLS'], allowInsecureAuth: true });
  const { alerts, lines } = openAlerts({ to: [mailTo(server.port, signedIn)] });
  const [tested] = await alerts.test();
  assert.match(JSON.stringify(tested), /offers no TLS/);
  assert.deepEqual([server.mails, server.users], [[], []]);
  assert.equal(JSON.stringify([tested, lines]).includes(signedIn.password), false);
});

test('a server whose certificate nobody vouches for gets neither password nor mail', async (t) => {
  const server = await openMailServer(t, createAuthority().issue('none'));
  const { alerts } = openAlerts({ to: [mailTo(server.port, signedIn)] });
  const [tested] = await alerts.test();
  assert.match(JSON.stringify(tested), /CERT_SIGNATURE_FAILURE/);
  assert.deepEqual([server.mails, server.users], [[], []]);
});

test('a mail server that is not there is named', async () => {
  const { alerts } = openAlerts({ to: [mailTo(1)] });
  assert.match(JSON.stringify(await alerts.test()), /localhost:1 cannot be reached/);
});

test('what a server refuses is told in our words, without the password', async (t) => {
  const server = await openMailServer(t, identity);
  const { alerts } = openAlerts({
    to: [mailTo(server.port, { user: 'millrace', password: 'wrong-canary' })],
  });
  const [tested] = await alerts.test();
  assert.match(JSON.stringify(tested), /refused user and password/);
  assert.doesNotMatch(JSON.stringify(tested), /canary/);
});

test('a mail server that says nothing is left after 30 s, and asked again', async (t) => {
  let connections = 0;
  const server = await openMailServer(t, {
    ...identity,
    onConnect: () => {
      connections += 1;
    },
  });
  const { alerts, clock } = openAlerts({ to: [mailTo(server.port)] });
  alerts.tell(spent('team-a'));
  clock.advance(10_000);
  await until('it is connected', () => connections === 1);
  clock.advance(30_000);
  await until('it failed', () => alerts.receivers[0]?.lastTrouble.includes('longer than 30000 ms') === true);
  clock.advance(5_000);
  await until('it is connected again', () => connections === 2);
  clock.advance(30_000);
  await alerts.close();
});

function mailTo(port: number, smtp: object = {}) {
  return {
    email: ['a@example.com', 'b@example.com'],
    smtp: { host: 'localhost', port, from: 'millrace@example.com', ...smtp },
  };
}

interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string;
  readonly secure: boolean;
  readonly text: string;
}

async function openMailServer(t: TestContext, options: SMTPServerOptions) {
  const mails: Mail[] = [];
  const users: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    onAuth: ({ username = '', password }, _session, callback) => {
      users.push(username);
      if (password === signedIn.password) callback(null, { user: username });
      else callback(new Error(`no such password: ${password}`));
    },
    onData: (stream, { envelope, user, secure }, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        mails.push({
          from: envelope.mailFrom === false ? '' : envelope.mailFrom.address,
          to: envelope.rcptTo.map(({ address }) => address),
          user: String(user),
          secure,
          text: Buffer.concat(chunks).toString(),
        });
        callback();
      });
    },
    ...options,
  });
  // Handshakes that are refused are what some of these tests are about.
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  t.after(() => server.close());
  return { port: (server.server.address() as AddressInfo).port, mails, users };
}
