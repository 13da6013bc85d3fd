/** Monitors and load balancers probe by HEAD: every GET route answers it, with the head of its GET and nothing after. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { type Head, requestBytes, untilClosed } from './raw.ts';

let gateway: TestGateway;
before(async () => {
  gateway = await openTestGateway();
});
after(() => gateway.close());

/** All that came on the wire, cut at the end of the head. */
async function wire(target: TestGateway, method: string, head: Head) {
  const headers = { authorization: `Bearer ${target.key}`, ...head.headers, connection: 'close' };
  const { text } = await untilClosed(target.port, requestBytes({ ...head, method, headers }));
  const end = text.indexOf('\r\n\r\n');
  const lines = text.slice(0, end).split('\r\n');
  return { lines, body: text.slice(end + 4) };
}

/** Without what differs between any two requests. */
const steady = (lines: readonly string[]) => lines.filter((line) => !/^(?:date|x-.*id):/i.test(line));

const sameAsGet: Readonly<Record<string, Head>> = {
  '/livez': { path: '/livez' },
  '/readyz': { path: '/readyz' },
  '/health': { path: '/health' },
  '/': { path: '/' },
  '/v1/models': { path: '/v1/models' },
  '/models': { path: '/models' },
  'a model': { path: '/v1/models/simulator' },
  'a model that is not there': { path: '/v1/models/nothing-like-it' },
  'a path with the key': { path: '/k/sk-mr-0123456789abcdef0123456789abcdef01234567/v1/models' },
  'an unknown key': { path: '/v1/models', headers: { authorization: 'Bearer sk-mr-wrong' } },
  'an unknown path': { path: '/nothing' },
  '/api/version': { path: '/api/version' },
  '/api/tags': { path: '/api/tags' },
  '/api/ps': { path: '/api/ps' },
};

for (const [what, head] of Object.entries(sameAsGet)) {
  test(`HEAD of ${what} has the head of GET, content-length included, and no body`, async () => {
    const got = await wire(gateway, 'GET', head);
    const probed = await wire(gateway, 'HEAD', head);
    assert.deepEqual(steady(probed.lines), steady(got.lines));
    assert.equal(probed.body, '');
    assert.ok(got.body.length > 0);
    const length = got.lines.find((line) => /^content-length:/i.test(line));
    assert.equal(length, `content-length: ${got.body.length}`);
  });
}

test('HEAD of the metrics has no body, however many there are', async () => {
  const { lines, body } = await wire(gateway, 'HEAD', { path: '/metrics' });
  assert.match(lines[0] ?? '', / 200 /);
  assert.match(lines.join('\n'), /content-length: [1-9]\d{3}/);
  assert.equal(body, '');
});

test('HEAD of a listing longer than one piece has its length and no body', async () => {
  const targets = [{ upstream: 'fake', model: 'm' }];
  const names = Array.from({ length: 2_000 }, (_, index) => `a-model-with-a-long-name-${index}`);
  const llm = await openFakeLlm();
  const large = await openTestGateway({
    config: {
      upstreams: { fake: { type: 'openai', url: llm.url } },
      models: Object.fromEntries(names.map((name) => [name, { targets }])),
    },
  });
  try {
    const { lines, body } = await wire(large, 'HEAD', { path: '/v1/models' });
    const length = lines.find((line) => /^content-length:/i.test(line))?.slice('content-length: '.length);
    assert.ok(Number(length) > 64 * 1024, `content-length is ${length}`);
    assert.equal(body, '');
  } finally {
    await large.close();
    await llm.close();
  }
});

test('a connection is used on after HEAD, so that no byte of a body stands between two answers', async () => {
  const opening = requestBytes({ method: 'HEAD', path: '/health' });
  const last = requestBytes({ path: '/livez', headers: { connection: 'close' } });
  const { text, statuses } = await untilClosed(gateway.port, Buffer.concat([opening, opening, last]));
  assert.deepEqual(statuses, [200, 200, 200]);
  assert.equal(text.split('\r\n\r\n').at(-1), 'ok');
});

const others = [
  { method: 'POST', path: '/livez', allow: 'GET, HEAD' },
  { method: 'DELETE', path: '/v1/models/m', allow: 'GET, HEAD' },
  { method: 'POST', path: '/api/version', allow: 'GET, HEAD' },
  { method: 'HEAD', path: '/v1/chat/completions', allow: 'POST' },
];

for (const { method, path, allow } of others) {
  test(`${method} ${path} is refused with 405, which says that ${allow} would do`, async () => {
    const { lines, body } = await wire(gateway, method, { path });
    assert.match(lines[0] ?? '', / 405 /);
    assert.ok(lines.includes(`allow: ${allow}`), lines.join('\n'));
    assert.equal(body === '', method === 'HEAD');
  });
}
