/** Whom a request comes from: proxies that are trusted speak for their clients, and nobody else speaks for anyone. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { request as requestTls } from 'node:https';
import { type TestContext, test } from 'node:test';
import { formatListenAddress } from '../../src/net/listen-address.ts';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { type Front, openNginx, openSmallFront, outside } from './fronts.ts';
import { answerTo, requestBytes } from './raw.ts';
import { authority, openCertificatePlace } from './tls-rig.ts';

type Headers = Readonly<Record<string, string>>;

async function open(t: TestContext, listen: object, config: object = {}): Promise<TestGateway> {
  const gateway = await openTestGateway({ config: { ...config, listen } });
  t.after(() => gateway.close());
  return gateway;
}

const list = (gateway: TestGateway, headers: Headers): Buffer =>
  requestBytes({ path: '/v1/models', headers: { authorization: `Bearer ${gateway.key}`, ...headers } });

/** Whom the log names for a request with these headers. */
async function addressOf(gateway: TestGateway, headers: Headers): Promise<string> {
  const { status, text } = await answerTo(gateway.port, list(gateway, headers));
  assert.equal(status, 200, text);
  return await lastAddress(gateway);
}

const seen = new WeakMap<TestGateway, number>();

async function lastAddress(gateway: TestGateway): Promise<string> {
  const before = seen.get(gateway) ?? 0;
  await until('the request is told of', () => gateway.exchangeLines.length > before);
  seen.set(gateway, gateway.exchangeLines.length);
  return (JSON.parse(gateway.exchangeLines.at(-1) ?? '{}') as { address: string }).address;
}

test('without trusted proxies, what a client says of its address is not believed', async (t) => {
  const gateway = await open(t, {});
  const elsewhere = await open(t, { trustedProxies: ['10.0.0.0/8', '::1'] });
  for (const target of [gateway, elsewhere]) {
    for (const headers of [
      {},
      { 'x-forwarded-for': '203.0.113.7' },
      { forwarded: 'for=203.0.113.7' },
      { 'x-real-ip': '203.0.113.7' },
      { 'x-forwarded-for': 'garbage', forwarded: '"' },
    ])
      assert.equal(await addressOf(target, headers), '127.0.0.1');
  }
});

test('a trusted proxy tells the address of its client', async (t) => {
  const gateway = await open(t, { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] });
  assert.equal(await addressOf(gateway, {}), '127.0.0.1');
  assert.equal(await addressOf(gateway, { 'x-forwarded-for': '1.1.1.1, 203.0.113.7' }), '203.0.113.7');
  assert.equal(await addressOf(gateway, { 'x-forwarded-for': '203.0.113.7, 10.1.1.1' }), '203.0.113.7');
  assert.equal(await addressOf(gateway, { 'x-forwarded-for': '::ffff:203.0.113.7' }), '203.0.113.7');
  assert.equal(await addressOf(gateway, { forwarded: 'for="[2001:DB8::7]:80"' }), '2001:db8::7');
  assert.equal(await addressOf(gateway, { 'x-real-ip': '203.0.113.7' }), '127.0.0.1');
});

test('what a trusted proxy on this machine sends is not from this machine, also where it does not say for whom', async (t) => {
  const limits = [{ per: 'address', requests: '1/min', burst: 2 }];
  const gateway = await open(t, { trustedProxies: ['127.0.0.1'] }, { limits });
  const statuses: number[] = [];
  for (let count = 0; count < 3; count += 1)
    statuses.push((await answerTo(gateway.port, list(gateway, {}))).status);
  assert.deepEqual(statuses, [200, 200, 429]);
});

test('headers of a trusted proxy that cannot be read are refused in the dialect of the caller', async (t) => {
  const gateway = await open(t, { trustedProxies: ['127.0.0.1'] });
  const unreadable: readonly Headers[] = [
    { 'x-forwarded-for': 'unknown' },
    { 'x-forwarded-for': Array(1_000).fill('127.0.0.1').join() },
    { forwarded: 'for=203.0.113.7;host="' },
    { 'x-forwarded-for': '203.0.113.7', forwarded: 'for=1.1.1.1' },
    { 'x-forwarded-for': '1.2.3.4,\r\n 127.0.0.1' },
    { 'x-forwarded-for': '1.2.3.4\u0000' },
  ];
  for (const headers of unreadable) {
    const { status, json } = await answerTo(gateway.port, list(gateway, headers));
    assert.equal(status, 400, JSON.stringify(headers).slice(0, 80));
    assert.ok(json['error'] !== undefined);
  }
  assert.equal(await lastAddress(gateway).then(() => addressOf(gateway, {})), '127.0.0.1');
});

test('a trusted proxy on this machine makes nobody local, whatever it says', async (t) => {
  const gateway = await open(t, { trustedProxies: ['127.0.0.1'] });
  for (const address of ['127.0.0.1', '::1', '203.0.113.7']) {
    const { status } = await answerTo(
      gateway.port,
      requestBytes({ path: '/metrics', headers: { 'x-forwarded-for': address } }),
    );
    assert.equal(status, 404, address);
  }
});

const certificates = authority.issue('none');

interface Way {
  readonly name: string;
  readonly tls: boolean;
  readonly clearsForwarded: boolean;
  open(t: TestContext, gateway: TestGateway): Promise<Front>;
}

const small: Way = {
  name: 'a proxy that appends to X-Forwarded-For',
  tls: false,
  clearsForwarded: false,
  open: (_t, gateway) => openSmallFront(gateway.port),
};

const documented: Way = {
  name: 'nginx as the documentation sets it up',
  tls: true,
  clearsForwarded: true,
  open: async (t, gateway) => {
    const place = await openCertificatePlace(t);
    await place.put(certificates);
    const text = readFileSync('docs/network.md', 'utf8');
    const site = /```nginx\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
    return await openNginx((port) =>
      site
        .replace('listen 443', `listen ${formatListenAddress({ host: outside.host, port })}`)
        .replace('127.0.0.1:7070', `127.0.0.1:${gateway.port}`)
        .replace(/\S*fullchain\.pem/, place.cert)
        .replace(/\S*privkey\.pem/, place.key),
    );
  },
};

/** Through the front, as a client would: with whatever headers it likes. */
async function through(
  way: Way,
  front: Front,
  sent: { headers: Headers; body?: object },
): Promise<IncomingMessage> {
  const common = {
    agent: false,
    port: front.port,
    ...outside,
    path: sent.body === undefined ? '/v1/models' : '/v1/chat/completions',
    method: sent.body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json', ...sent.headers },
  } as const;
  const asked = way.tls
    ? requestTls({ ...common, servername: 'localhost', ca: authority.cert })
    : request(common);
  asked.end(sent.body === undefined ? undefined : JSON.stringify(sent.body));
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return answer;
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of answer) text += String(piece);
  return text;
}

for (const way of [small, documented]) {
  test(`through ${way.name}, a client is who it is, whatever it claims`, async (t) => {
    const gateway = await open(t, { trustedProxies: ['127.0.0.1'] });
    const front = await way.open(t, gateway);
    t.after(() => front.close());
    const authorization = `Bearer ${gateway.key}`;
    const claims: readonly Headers[] = [
      {},
      { 'x-forwarded-for': '1.1.1.1' },
      { 'x-forwarded-for': '1.1.1.1, 127.0.0.1' },
      { 'x-forwarded-for': 'garbage,"' },
      { 'x-real-ip': '1.1.1.1' },
    ];
    for (const claim of claims) {
      const answer = await through(way, front, { headers: { authorization, ...claim } });
      assert.equal(answer.statusCode, 200);
      answer.resume();
      assert.equal(await lastAddress(gateway), outside.localAddress);
    }
  });

  test(`through ${way.name}, a Forwarded header of the client's own moves nobody`, async (t) => {
    const gateway = await open(t, { trustedProxies: ['127.0.0.1'] });
    const front = await way.open(t, gateway);
    t.after(() => front.close());
    const headers = { authorization: `Bearer ${gateway.key}`, forwarded: 'for=1.1.1.1' };
    const answer = await through(way, front, { headers });
    answer.resume();
    // One clears what it does not write; the other passes it on, and then nobody is believed.
    assert.equal(answer.statusCode, way.clearsForwarded ? 200 : 400);
    assert.equal(await lastAddress(gateway), way.clearsForwarded ? outside.localAddress : '127.0.0.1');
  });

  test(`through ${way.name}, limits per address hold for those behind it, and streams arrive whole`, async (t) => {
    const gateway = await open(
      t,
      { trustedProxies: ['127.0.0.1'] },
      { limits: [{ per: 'address', requests: '1/min', burst: 2 }] },
    );
    const front = await way.open(t, gateway);
    t.after(() => front.close());
    const headers = { authorization: `Bearer ${gateway.key}` };
    const body = { model: 'simulator', stream: true, messages: [{ role: 'user', content: 'hello' }] };
    const streamed = await through(way, front, { headers, body });
    assert.equal(streamed.statusCode, 200);
    assert.match(await textOf(streamed), /data: \[DONE\]/);
    const statuses: (number | undefined)[] = [];
    for (const _ of Array(3)) {
      const answer = await through(way, front, { headers });
      answer.resume();
      statuses.push(answer.statusCode);
    }
    assert.deepEqual(statuses, [200, 429, 429]);
  });
}

test('limits per address are of the client behind the proxy: one cannot spend the share of another', async (t) => {
  const gateway = await open(
    t,
    { trustedProxies: ['127.0.0.1'] },
    { limits: [{ per: 'address', requests: '1/min', burst: 1 }] },
  );
  const from = async (list: string) =>
    (
      await answerTo(
        gateway.port,
        requestBytes({
          path: '/v1/models',
          headers: { authorization: `Bearer ${gateway.key}`, 'x-forwarded-for': list },
        }),
      )
    ).status;
  assert.equal(await from('203.0.113.7'), 200);
  assert.equal(await from('203.0.113.7'), 429);
  assert.equal(await from('198.51.100.1, 203.0.113.7'), 429, 'a claim of its own changes nothing');
  assert.equal(await from('::ffff:203.0.113.7'), 429, 'another spelling changes nothing');
  assert.equal(await from('203.0.113.8'), 200);
});
