/** What is open to this machine is open to its own programs, not to web pages that its browser shows. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { answerTo, requestBytes } from './raw.ts';

let gateway: TestGateway;
before(async () => {
  gateway = await openTestGateway({ config: { auth: 'none' } });
});
after(() => gateway.close());

const body = JSON.stringify({
  model: 'simulator',
  stream: false,
  messages: [{ role: 'user', content: 'hello' }],
});

async function statusOf(target: TestGateway, path: string, headers: Record<string, string>): Promise<number> {
  const isCall = path === '/api/chat' || path === '/v1/chat/completions';
  const { status } = await answerTo(
    target.port,
    requestBytes({ path, headers, ...(isCall ? { body } : {}) }),
  );
  return status;
}

const guarded = ['/v1/chat/completions', '/api/chat', '/api/tags', '/v1/models'];
const foreignHosts = [
  'evil.example',
  'evil.example:7070',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  '0.0.0.0',
  'x/?',
  '169.254.169.254',
  '[::ffff:7f00:1]',
  '127.0.0.1@evil.example',
  '',
];
const ownHosts = [
  'localhost',
  'LOCALHOST:1',
  '127.0.0.1',
  '127.0.0.1:7070',
  '127.8.8.8:80',
  '[::1]',
  '[::1]:7070',
];
const foreignOrigins = [
  'http://evil.example',
  'https://localhost.evil.example',
  'null',
  'file://',
  'http://localhost:3000',
  'http://127.0.0.1',
  'chrome-extension://abc',
];

test('without keys, names that are not this machine are refused: DNS rebinding gets nowhere', async () => {
  for (const path of guarded) {
    for (const host of foreignHosts)
      assert.equal(await statusOf(gateway, path, { host }), 403, `${path} ${host}`);
  }
});

test("without keys, this machine's own names are accepted", async () => {
  for (const path of guarded) {
    for (const host of ownHosts)
      assert.equal(await statusOf(gateway, path, { host }), 200, `${path} ${host}`);
  }
});

test('without keys, web pages of other origins are refused, and our own pages accepted', async () => {
  const host = 'localhost:7070';
  for (const path of guarded) {
    for (const origin of foreignOrigins) {
      assert.equal(await statusOf(gateway, path, { host, origin }), 403, `${path} ${origin}`);
    }
    assert.equal(await statusOf(gateway, path, { host, origin: `http://${host}` }), 200);
  }
});

test('without keys, a form that a foreign page posts is refused whatever its type', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const headers = { host: 'localhost', origin: 'http://evil.example', 'content-type': type };
    assert.equal(await statusOf(gateway, '/api/chat', headers), 403);
  }
});

test('metrics are free on loopback for programs, not for web pages and not through a proxy', async () => {
  const keyed = await openTestGateway();
  try {
    for (const target of [gateway, keyed]) {
      assert.equal(await statusOf(target, '/metrics', { host: '127.0.0.1:7070' }), 200);
    }
    const refused = [
      { host: 'evil.example' },
      { host: 'localhost', origin: 'http://evil.example' },
      { 'x-forwarded-for': '203.0.113.7' },
      { forwarded: 'for=203.0.113.7' },
    ];
    for (const headers of refused) {
      assert.equal(await statusOf(keyed, '/metrics', headers), 404, JSON.stringify(headers));
      const withKey = { ...headers, authorization: `Bearer ${keyed.key}` };
      assert.equal(await statusOf(keyed, '/metrics', withKey), 200);
    }
  } finally {
    await keyed.close();
  }
});

test('metrics may be closed for everyone, or open to everyone', async () => {
  const never = await openTestGateway({ config: { telemetry: { metrics: { onClientPort: 'never' } } } });
  const always = await openTestGateway({ config: { telemetry: { metrics: { onClientPort: 'always' } } } });
  try {
    assert.equal(await statusOf(never, '/metrics', { authorization: `Bearer ${never.key}` }), 404);
    assert.equal(
      await statusOf(always, '/metrics', { 'x-forwarded-for': '203.0.113.7', host: 'mill.example' }),
      200,
    );
  } finally {
    await never.close();
    await always.close();
  }
});
