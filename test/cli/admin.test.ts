import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { openPlace, type Place, type RunningProcess, serve } from './gateway-process.ts';

let place: Place;
let gateway: RunningProcess;

before(async () => {
  place = await openPlace();
  await place.write(
    'millrace.yaml',
    `upstreams:
  engine: { type: simulator }
  cloud: { type: openai, url: "http://127.0.0.1:9/v1", key: canary-provider-key, headers: { x-org: canary-header } }
keys: [{ name: alice, key: "sk-canary-8f2a6c1e9b7d4035" }]
`,
  );
  gateway = await serve([], { place });
});

after(async () => {
  await gateway.stop();
  await place[Symbol.asyncDispose]();
});

const paths = [
  'status',
  'config',
  'upstreams',
  'models',
  'ps',
  'queue',
  'configured-keys',
  'usage',
  'exchanges',
];

test('nothing but the two probes answers without a credential that is ours (G1, G6)', async () => {
  const { admin } = gateway.ready;
  const wrong = [undefined, 'Bearer wrong', `Basic ${await gateway.key()}`];
  for (const path of [
    ...paths.map((name) => `/admin/api/v1/${name}`),
    '/metrics',
    '/',
    '/admin',
    '/no-such',
    '//livez',
  ]) {
    for (const authorization of wrong) {
      const answer = await fetch(
        `${admin}${path}`,
        authorization === undefined ? {} : { headers: { authorization } },
      );
      assert.equal(answer.status, 401, path);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json');
      assert.equal(((await answer.json()) as { status: number }).status, 401);
    }
  }
  assert.equal(await (await fetch(`${admin}/livez`)).text(), 'ok');
  assert.deepEqual(await (await fetch(`${admin}/readyz`)).json(), { status: 'ready', degraded: [] });
});

test('no secret is in any answer (G8)', async () => {
  for (const path of paths) {
    const answer = await gateway.admin(path);
    assert.equal(answer.status, 200, path);
    const text = await answer.text();
    assert.equal(text.includes('canary'), false, path);
    for (const secret of [await gateway.key(), await gateway.token()])
      assert.equal(text.includes(secret), false, path);
  }
  const { config } = (await (await gateway.admin('config')).json()) as {
    config: { upstreams: { cloud: { key: string } } };
  };
  assert.equal(config.upstreams.cloud.key, '***');
});

test('upstreams are shown with what is known of them', async () => {
  const { upstreams } = (await (await gateway.admin('upstreams')).json()) as {
    upstreams: { name: string; state: string; lastFailure?: string }[];
  };
  const [cloud, engine] = upstreams;
  assert.equal(engine?.state, 'up');
  assert.equal(cloud?.state, 'down');
  assert.match(cloud?.lastFailure ?? '', /refuses connections/);
});

test('metrics need the token here', async () => {
  const headers = { authorization: `Bearer ${await gateway.token()}` };
  const answer = await fetch(`${gateway.ready.admin}/metrics`, { headers });
  assert.equal(answer.status, 200);
  assert.match(await answer.text(), /^# HELP millrace_/m);
});

test('a name that is not ours is refused, as a rebound one would be, even with the token', async () => {
  const token = await gateway.token();
  const host = (name: string) =>
    raw(`GET /livez HTTP/1.1\r\nHost: ${name}\r\nAuthorization: Bearer ${token}\r\n`);
  assert.match(await host('evil.example'), /^HTTP\/1\.1 421 /);
  assert.match(await host('evil.example:7071'), /^HTTP\/1\.1 421 /);
  assert.match(await host('localhost'), /^HTTP\/1\.1 200 /);
});

test('there is no CORS, nothing is cached, and what does not exist is a problem in JSON', async () => {
  const headers = { authorization: `Bearer ${await gateway.token()}`, origin: 'https://evil.example' };
  const answer = await fetch(`${gateway.ready.admin}/admin/api/v1/status`, { headers });
  assert.equal(answer.headers.get('access-control-allow-origin'), null);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const missing = await fetch(`${gateway.ready.admin}/admin/api/v1/nothing`, { headers });
  assert.equal(missing.status, 404);
  const problem = (await missing.json()) as Record<string, unknown>;
  assert.deepEqual(Object.keys(problem), ['type', 'title', 'status', 'detail', 'instance', 'code']);
});

test('a body that is too large or broken is refused', async () => {
  const headers = { authorization: `Bearer ${await gateway.token()}`, 'content-type': 'application/json' };
  const send = (body: string) =>
    fetch(`${gateway.ready.admin}/admin/api/v1/config/check`, { method: 'POST', headers, body });
  assert.equal((await send(`"${'x'.repeat(100_000)}"`)).status, 413);
  assert.equal((await send('{')).status, 400);
});

test('config/check tells what a reload would do and does nothing', async () => {
  const text = await place.read('millrace.yaml');
  await place.write('millrace.yaml', `${text}queue: { places: many }\n`);
  const checked = await gateway.admin('config/check', 'POST');
  assert.equal(checked.status, 422);
  const told = (await checked.json()) as { outcome: string; problems: { path: string }[] };
  assert.equal(told.outcome, 'refused');
  assert.deepEqual(
    told.problems.map(({ path }) => path),
    ['queue.places'],
  );
  await place.write('millrace.yaml', text);
  const right = (await (await gateway.admin('config/check', 'POST')).json()) as { outcome: string };
  assert.equal(right.outcome, 'unchanged');
});

test('the admin API is not on the clients’ port', async () => {
  const headers = { authorization: `Bearer ${await gateway.token()}` };
  const answer = await fetch(`${gateway.ready.clients}/admin/api/v1/status`, { headers });
  assert.equal(answer.status, 404);
});

/** `fetch` sends no other Host than the one that it connects to. */
function raw(head: string): Promise<string> {
  const { hostname, port } = new URL(gateway.ready.admin);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write(`${head}Connection: close\r\n\r\n`));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text)).on('error', reject);
  });
}
