/** The guarded dialer (G9): what strangers name must be public, and nobody leads it anywhere else. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { DialError, type DialReason } from '../../src/net/dial-error.ts';
import { createDialer, type DialerOptions } from '../../src/net/dialer.ts';
import { openDeafServer } from '../faults/deaf-server.ts';
import { until } from '../faults/rig.ts';
import { createHeldClock } from '../held-clock.ts';
import { createAuthority } from '../upstream/certificate.ts';
import { openCanary } from './canary.ts';
import { forbiddenHosts, resolved, trickyUrls } from './dialer-hosts.ts';

const stranger = { namedBy: 'stranger', timeoutMs: 5_000 } as const;
const operator = { namedBy: 'operator', timeoutMs: 5_000 } as const;

test('G9 of the table’s hosts no stranger reaches one: the canary gets 0 connections', async (t) => {
  const canary = await openCanary(t);
  const dialer = dialerOf({ strangerPorts: [canary.port] });
  const hosts = Object.values(forbiddenHosts).flat();
  assert.ok(hosts.length >= 80);
  for (const host of hosts) {
    const url = `https://${host}:${canary.port}/canary-path?canary-query`;
    const error = await errorOf(dialer.request(url, stranger));
    assert.ok(error.reason === 'refused' || host === 'nothing.example', `${host}: ${error.reason}`);
    assert.doesNotMatch(error.message, /canary-/, host);
  }
  assert.equal(canary.connections, 0);
});

test('G9 URLs that parsers read in two ways are refused, and none of them is repeated', async (t) => {
  const canary = await openCanary(t);
  const dialer = dialerOf({});
  for (const text of trickyUrls) {
    const url = text.replaceAll('CANARY', `localhost:${canary.port}`);
    const error = await errorOf(dialer.request(url, stranger));
    assert.equal(error.reason, 'refused', text);
    assert.doesNotMatch(error.message, /secret|localhost/, text);
  }
  assert.equal(canary.connections, 0);
});

test('the table would be reached without the guard: what the operator names may be loopback', async (t) => {
  const canary = await openCanary(t);
  const hosts = [
    '127.0.0.1',
    '127.1',
    '0x7f.1',
    '2130706433',
    '0177.0.0.1',
    '127。0。0。1',
    'localhost',
    '[::1]',
  ];
  for (const host of hosts) {
    const answer = await dialerOf({}).request(`http://${host}:${canary.port}/`, operator);
    assert.equal(Buffer.from(answer.body).toString(), 'caught', host);
  }
  assert.equal(canary.connections, hosts.length);
});

test('G9 metadata and link-local addresses are nobody’s, the operator’s neither', async () => {
  const hosts = [
    ...['169.254.169.254', '2852039166', '[::ffff:a9fe:a9fe]', '[64:ff9b::a9fe:a9fe]', '[2002:a9fe:a9fe::]'],
    ...['[fd00:ec2::254]', '[fd00:ec2::7]', '100.100.100.200', '192.0.0.192', '168.63.129.16', '[fe80::1]'],
    ...['0.0.0.0', '[::]', '169.254.1.1', 'metadata', 'metadata.google.internal', 'metadata.example'],
    ...['zone.example', '255.255.255.255', '224.0.0.1', '[ff02::1]', '[::a9fe:a9fe]'],
  ];
  for (const host of hosts) {
    const error = await errorOf(dialerOf({}).request(`http://${host}/`, operator));
    assert.equal(error.reason, 'refused', host);
    const to = { host: host.replace(/^\[|\]$/g, ''), port: 80, namedBy: 'operator' } as const;
    if (/^[0-9a-f.:]+$/.test(to.host) && to.host.includes('.')) {
      assert.equal((await errorOf(dialerOf({}).connect(to))).reason, 'refused', host);
    }
  }
});

test('G9 a name is looked up once for each request, and checked each time: rebinding leads nowhere', async (t) => {
  const served = await openServer(t, (_request, response) => response.end('once'));
  const answers = [['127.0.0.1'], ['169.254.169.254'], ['127.0.0.1', '169.254.169.254']];
  let asked = 0;
  const dialer = createDialer({
    clock: systemClock,
    lookup: async () => answers[asked++] ?? [],
  });
  const url = `http://rebinding.example:${served.port}/`;
  assert.equal((await dialer.request(url, operator)).status, 200);
  assert.equal(asked, 1);
  assert.equal((await errorOf(dialer.request(url, operator))).reason, 'refused');
  assert.equal((await errorOf(dialer.request(url, operator))).reason, 'refused');
  assert.equal(asked, 3);
  assert.equal(served.requests(), 1);
});

test('G9 a stranger’s name that turns from public to loopback reaches neither at the second request', async (t) => {
  const canary = await openCanary(t);
  const leaving = new AbortController();
  let asked = 0;
  const dialer = createDialer({
    clock: systemClock,
    strangerPorts: [canary.port],
    lookup: async () => {
      asked += 1;
      // The first time it would connect to the internet; the caller leaves just before.
      if (asked === 1) leaving.abort();
      return asked === 1 ? ['93.184.215.14'] : ['127.0.0.1'];
    },
  });
  const url = `https://rebinding.example:${canary.port}/`;
  const first = await errorOf(dialer.request(url, { ...stranger, signal: leaving.signal }));
  assert.equal(first.reason, 'aborted');
  assert.equal((await errorOf(dialer.request(url, stranger))).reason, 'refused');
  assert.equal(asked, 2);
  assert.equal(canary.connections, 0);
});

test('G9 redirects are errors, wherever they lead', async (t) => {
  const canary = await openCanary(t);
  const to = [`http://127.0.0.1:${canary.port}/`, 'http://169.254.169.254/latest/meta-data/'];
  for (const status of [301, 302, 303, 307, 308]) {
    for (const location of to) {
      const served = await openServer(t, (_request, response) =>
        response.writeHead(status, { location }).end(),
      );
      const error = await errorOf(dialerOf({}).request(`http://127.0.0.1:${served.port}/`, operator));
      assert.equal(error.reason, 'redirected', `${status} ${location}`);
    }
  }
  assert.equal(canary.connections, 0);
});

test('G9 a proxy of the environment is not asked', async (t) => {
  const canary = await openCanary(t);
  const served = await openServer(t, (_request, response) => response.end('direct'));
  for (const name of [
    'HTTP_PROXY',
    'http_proxy',
    'HTTPS_PROXY',
    'https_proxy',
    'ALL_PROXY',
    'NODE_USE_ENV_PROXY',
  ]) {
    process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : `http://127.0.0.1:${canary.port}`;
    t.after(() => delete process.env[name]);
  }
  const answer = await dialerOf({}).request(`http://127.0.0.1:${served.port}/`, operator);
  assert.equal(Buffer.from(answer.body).toString(), 'direct');
  assert.equal(canary.connections, 0);
});

test('TLS: the server must prove the name that was asked for, to an authority that is trusted', async (t) => {
  const authority = createAuthority();
  const open = (fault: 'none' | 'wrong name' | 'expired') =>
    openServer(t, (_request, response) => response.end('safe'), authority.issue(fault));
  const good = await open('none');
  const url = `https://localhost:${good.port}/`;
  const dialer = createDialer({ clock: systemClock, lookup: async () => ['127.0.0.1'] });
  const ca = authority.cert;
  assert.equal((await dialer.request(url, { ...operator, ca })).status, 200);
  assert.equal((await dialer.request(`https://127.0.0.1:${good.port}/`, { ...operator, ca })).status, 200);
  assert.equal((await errorOf(dialer.request(url, operator))).reason, 'tls');
  const other = `https://other.example:${good.port}/`;
  assert.equal((await errorOf(dialer.request(other, { ...operator, ca }))).reason, 'tls');
  for (const fault of ['wrong name', 'expired'] as const) {
    const bad = `https://localhost:${(await open(fault)).port}/`;
    assert.equal((await errorOf(dialer.request(bad, { ...operator, ca }))).reason, 'tls', fault);
  }
  const plain = await openServer(t, (_request, response) => response.end());
  const deaf = await errorOf(dialer.request(`https://localhost:${plain.port}/`, { ...operator, ca }));
  assert.equal(deaf.reason, 'tls');
});

test('what is asked goes out as it was given, and what comes back is bounded', async (t) => {
  const served = await openServer(t, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { host, authorization } = request.headers;
      response.writeHead(201, { 'x-a': ['1', '2'] });
      response.end(`${request.method} ${request.url} ${host} ${authorization} ${Buffer.concat(chunks)}`);
    });
  });
  const lookup = async () => ['127.0.0.1'];
  const url = `http://name.example:${served.port}/path?query=1`;
  const asked = {
    ...operator,
    method: 'POST',
    headers: { authorization: 'Bearer a' },
    body: 'words',
  } as const;
  const answer = await createDialer({ clock: systemClock, lookup }).request(url, asked);
  assert.equal(answer.status, 201);
  assert.equal(answer.headers['x-a'], '1, 2');
  assert.equal(
    Buffer.from(answer.body).toString(),
    `POST /path?query=1 name.example:${served.port} Bearer a words`,
  );
});

test('an answer without end is cut at its bound, or refused there', async (t) => {
  let sent = 0;
  const served = await openServer(t, (_request, response) => {
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536;
    };
    response.on('drain', more);
    more();
  });
  const url = `http://127.0.0.1:${served.port}/`;
  const cut = await dialerOf({}).request(url, { ...operator, bodyBytesMax: 1_000, larger: 'cut' });
  assert.equal(cut.body.length, 1_000);
  const refused = await errorOf(dialerOf({}).request(url, { ...operator, bodyBytesMax: 1_000 }));
  assert.equal(refused.reason, 'too_large');
  assert.ok(sent < 100_000_000);
});

test('hangs end by the clock: while looking up, before an answer, and inside one', async (t) => {
  let hanging = 0;
  const silent = await openServer(t, () => {
    hanging += 1;
  });
  const dripping = await openServer(t, (_request, response) => {
    response.writeHead(200);
    response.write('a', () => {
      hanging += 1;
    });
  });
  const cases = [`http://name.example:${silent.port}/`, `http://127.0.0.1:${silent.port}/`];
  for (const url of [...cases, `http://127.0.0.1:${dripping.port}/`]) {
    const clock = createHeldClock();
    hanging = 0;
    const lookup = () => {
      hanging += 1;
      return new Promise<readonly string[]>(() => {});
    };
    const asked = errorOf(createDialer({ clock, lookup }).request(url, { namedBy: 'operator' }));
    await until('it hangs', () => hanging > 0);
    clock.advance(15_000);
    assert.equal((await asked).reason, 'timed_out', url);
    assert.equal(clock.pending, 0);
  }
});

test('a TLS handshake that nobody answers, and an answer over TLS that stops, end by the clock', async (t) => {
  const authority = createAuthority();
  let hanging = 0;
  const deaf = createTcpServer(() => {
    hanging += 1;
  });
  deaf.listen(0, '127.0.0.1');
  await once(deaf, 'listening');
  t.after(() => deaf.close());
  const dripping = await openServer(
    t,
    (_request, response) => {
      response.writeHead(200);
      response.write('a', () => {
        hanging += 1;
      });
    },
    authority.issue('none'),
  );
  for (const port of [(deaf.address() as AddressInfo).port, dripping.port]) {
    const clock = createHeldClock();
    hanging = 0;
    const asked = { namedBy: 'operator', ca: authority.cert } as const;
    const error = errorOf(createDialer({ clock }).request(`https://127.0.0.1:${port}/`, asked));
    await until('it hangs', () => hanging > 0);
    clock.advance(15_000);
    assert.equal((await error).reason, 'timed_out');
    assert.equal(clock.pending, 0);
  }
});

test('of a name with several addresses the next one is tried when nobody is at the first', async (t) => {
  const served = await openServer(t, (_request, response) => response.end());
  const lookup = async () => ['127.0.0.2', '::1', '127.0.0.1'];
  const url = `http://name.example:${served.port}/`;
  assert.equal((await createDialer({ clock: systemClock, lookup }).request(url, operator)).status, 200);
});

test('an address that takes no connection is left for the next one after 3 s', async (t) => {
  const deaf = await openDeafServer();
  t.after(() => deaf.close());
  const clock = createHeldClock();
  const lookup = async () => ['127.0.0.1', '127.0.0.2'];
  const error = errorOf(
    createDialer({ clock, lookup }).request(`http://name.example:${deaf.port}/`, operator),
  );
  await until('it tries', () => clock.pending === 2);
  clock.advance(3_000);
  assert.equal((await error).reason, 'unreachable');
});

test('so many at once, and no more', async (t) => {
  let hanging = 0;
  const silent = await openServer(t, () => {
    hanging += 1;
  });
  const clock = createHeldClock();
  const dialer = createDialer({ clock, atOnceMax: 2 });
  const url = `http://127.0.0.1:${silent.port}/`;
  const waiting = [errorOf(dialer.request(url, operator)), errorOf(dialer.request(url, operator))];
  assert.equal((await errorOf(dialer.request(url, operator))).reason, 'busy');
  await until('both hang', () => hanging === 2);
  clock.advance(5_000);
  for (const error of await Promise.all(waiting)) assert.equal(error.reason, 'timed_out');
  const last = errorOf(dialer.request(url, operator));
  await until('a third hangs', () => hanging === 3);
  clock.advance(5_000);
  assert.equal((await last).reason, 'timed_out');
});

test('a server that is not there, or says something else, is told apart', async (t) => {
  const gone = await openServer(t, () => {});
  const closing = await openServer(t, (request) => request.socket.destroy());
  const foreign = await openServer(t, (request) => request.socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
  await gone.close();
  const expected: readonly (readonly [number, DialReason])[] = [
    [gone.port, 'unreachable'],
    [closing.port, 'cut'],
    [foreign.port, 'not_http'],
  ];
  for (const [port, reason] of expected) {
    assert.equal((await errorOf(dialerOf({}).request(`http://127.0.0.1:${port}/`, operator))).reason, reason);
  }
  const dialer = createDialer({ clock: systemClock, lookup: () => Promise.reject(new Error('ENOTFOUND')) });
  assert.equal((await errorOf(dialer.request('http://gone.example/', operator))).reason, 'unresolved');
});

/** Knows the table's names, and takes every other for this machine. */
function dialerOf(options: Partial<DialerOptions>) {
  return createDialer({
    clock: systemClock,
    lookup: async (host) => resolved[host] ?? ['127.0.0.1', '::1'],
    ...options,
  });
}

async function errorOf(asked: Promise<unknown>): Promise<DialError> {
  const thrown = await asked.then(
    (value) => assert.fail(`it answered: ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof DialError, String(thrown));
  return thrown;
}

async function openServer(
  t: TestContext,
  listener: RequestListener,
  identity?: { cert: string; key: string },
) {
  let requests = 0;
  const counted: RequestListener = (request, response) => {
    requests += 1;
    listener(request, response);
  };
  const server = identity === undefined ? createServer(counted) : createTlsServer(identity, counted);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  t.after(close);
  return { port: (server.address() as AddressInfo).port, requests: () => requests, close };
}
