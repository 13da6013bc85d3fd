/** Which web pages may call: those of origins that the operator named, and a key is asked of them all the same. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { type Answer, answerTo, closing, collect, requestBytes } from './raw.ts';

const page = 'https://chat.example';
const body = JSON.stringify({ model: 'simulator', messages: [{ role: 'user', content: 'hello' }] });

async function open(t: TestContext, cors?: readonly string[]): Promise<TestGateway> {
  const gateway = await openTestGateway({ config: cors === undefined ? {} : { listen: { cors } } });
  t.after(() => gateway.close());
  return gateway;
}

const preflight = (gateway: TestGateway, origin: string, headers: object = {}): Promise<Answer> =>
  answerTo(
    gateway.port,
    requestBytes({
      method: 'OPTIONS',
      path: '/v1/chat/completions',
      headers: { origin, 'access-control-request-method': 'POST', ...headers },
    }),
  );

const call = (gateway: TestGateway, origin: string, key = gateway.key): Promise<Answer> =>
  answerTo(
    gateway.port,
    requestBytes({ path: '/v1/chat/completions', headers: { origin, authorization: `Bearer ${key}` }, body }),
  );

const corsHeaders = ({ headers }: Answer) =>
  [...headers.keys()].filter((name) => name.startsWith('access-control-'));

const others = [
  'https://chat.example:444',
  'http://chat.example',
  'https://chat.example.evil.example',
  'https://evil.example',
  'https://chat.exampl',
  'HTTPS://CHAT.EXAMPLE',
  'https://chat.example/',
  'null',
  '*',
  '',
];

test('browsers are told nothing until an origin is named', async (t) => {
  const gateway = await open(t);
  assert.equal((await preflight(gateway, page)).status, 405);
  for (const answer of [await preflight(gateway, page), await call(gateway, page)]) {
    assert.deepEqual(corsHeaders(answer), []);
    assert.equal(answer.headers.has('vary'), false);
  }
});

test('a preflight of a named origin is answered without a key, and is no exchange', async (t) => {
  const gateway = await open(t, [page, 'http://localhost:3000', 'app://obsidian.md']);
  for (const origin of [page, 'http://localhost:3000', 'app://obsidian.md']) {
    const { status, headers, text } = await preflight(gateway, origin);
    assert.equal(status, 200);
    assert.equal(text, '');
    assert.equal(headers.get('access-control-allow-origin'), origin);
    assert.equal(headers.has('access-control-allow-credentials'), false);
    assert.equal(headers.get('vary')?.includes('origin'), true);
  }
  assert.deepEqual(gateway.exchangeLines, []);
});

test('all methods of all routes may be used, and what our APIs and their SDKs send', async (t) => {
  const gateway = await open(t, [page]);
  const sent = [
    'authorization',
    'content-type',
    'x-api-key',
    'X-Stainless-Retry-Count',
    'openai-organization',
    'anthropic-version',
    'idempotency-key',
    'cookie',
    'x-forwarded-for',
    'forwarded',
    'x-evil',
    'bad name',
    'x-stainless-',
  ];
  const { headers } = await preflight(gateway, page, { 'access-control-request-headers': sent.join(', ') });
  assert.equal(
    headers.get('access-control-allow-headers'),
    'authorization, content-type, x-api-key, x-stainless-retry-count, openai-organization, anthropic-version, idempotency-key',
  );
  const methods = headers.get('access-control-allow-methods')?.split(', ') ?? [];
  for (const { method } of gateway.gateway.snapshot.routes) assert.ok(methods.includes(method), method);
});

test('a page of a named origin reads our answers and our headers, and still needs a key', async (t) => {
  const gateway = await open(t, [page]);
  for (const [key, status] of [
    [gateway.key, 200],
    ['sk-wrong', 401],
  ] as const) {
    const answer = await call(gateway, page, key);
    assert.equal(answer.status, status);
    assert.equal(answer.headers.get('access-control-allow-origin'), page);
    assert.equal(answer.headers.get('access-control-expose-headers'), '*');
    assert.equal(answer.headers.get('vary'), 'origin');
    assert.equal(answer.headers.has('access-control-allow-credentials'), false);
  }
});

test('other origins get no word of it, whatever they are spelled like', async (t) => {
  const gateway = await open(t, [page]);
  for (const origin of others) {
    const asked = await preflight(gateway, origin);
    assert.equal(asked.status, 405, origin);
    const called = await call(gateway, origin);
    assert.equal(called.status, 200, origin);
    for (const answer of [asked, called]) {
      assert.deepEqual(corsHeaders(answer), [], origin);
      assert.equal(answer.headers.get('vary'), 'origin', 'no cache gives one page what another may read');
    }
  }
});

test('a star allows every page, and never with what a browser keeps', async (t) => {
  const gateway = await open(t, ['*']);
  for (const origin of [page, 'null', 'https://evil.example']) {
    for (const { headers } of [await preflight(gateway, origin), await call(gateway, origin)]) {
      assert.equal(headers.get('access-control-allow-origin'), '*');
      assert.equal(headers.has('access-control-allow-credentials'), false);
    }
  }
});

test('an OPTIONS request that is no preflight is a request like others', async (t) => {
  const gateway = await open(t, [page]);
  const plain = requestBytes({ method: 'OPTIONS', path: '/v1/models', headers: { origin: page } });
  assert.equal((await answerTo(gateway.port, plain)).status, 405);
  const asked = { 'access-control-request-method': 'POST' };
  const unnamed = requestBytes({ method: 'OPTIONS', path: '/v1/models', headers: asked });
  assert.equal((await answerTo(gateway.port, unnamed)).status, 405);
});

test('a preflight cannot be made to hold anything: its body is cut, its lists are bounded', async (t) => {
  const gateway = await open(t, [page]);
  const names = Array.from({ length: 900 }, (_, index) => `x-stainless-${'a'.repeat(1 + (index % 3))}`);
  const { headers } = await preflight(gateway, page, { 'access-control-request-headers': names.join() });
  assert.equal(headers.get('access-control-allow-headers')?.split(', ').length, 64);
  const socket = connect({ port: gateway.port, host: '127.0.0.1' });
  const text = collect(socket);
  socket.write(
    requestBytes({
      method: 'OPTIONS',
      path: '/v1/models',
      headers: { origin: page, 'access-control-request-method': 'POST', 'content-length': '1000000000' },
    }),
  );
  await closing(socket);
  assert.match(text(), /^HTTP\/1\.1 200/);
});
