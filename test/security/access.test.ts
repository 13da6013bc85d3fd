/** Who may ask for what: every registered route with every kind of key, and every way to get round it (G1, G2, G6). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Permission, Role } from '../../src/core/exchange.ts';
import { roles } from '../../src/identity/options.ts';
import { reachOf } from '../../src/identity/permissions.ts';
import { keyOf, roleKeys } from '../admin-rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { type Answer, answerTo, type Head, requestBytes } from './raw.ts';

const home = 'default';
const other = 'acme';
const tenants = [home, other];
const keys = { developer: keyOf(home, 'developer'), operator: keyOf(home, 'operator') };
let gateway: TestGateway;
before(async () => {
  gateway = await openTestGateway({
    config: { keys: tenants.flatMap(roleKeys), operator: { beyondLoopback: true } },
  });
});
after(() => gateway.close());

/** What each route asks of its caller. A route that does not stand here is one that nobody decided about. */
const decided: Readonly<Record<string, Permission>> = {
  'openai.chat': 'infer',
  'openai.completions': 'infer',
  'openai.embeddings': 'infer',
  'openai.models': 'infer',
  'openai.model': 'infer',
  'ollama.chat': 'infer',
  'ollama.generate': 'infer',
  'ollama.embed': 'infer',
  'ollama.embeddings': 'infer',
  'ollama.root': 'public',
  'ollama.version': 'infer',
  'ollama.tags': 'infer',
  'ollama.ps': 'infer',
  'ollama.show': 'infer',
  'ollama.pull': 'operate',
  'ollama.push': 'operate',
  'ollama.create': 'operate',
  'ollama.copy': 'operate',
  'ollama.delete': 'operate',
  'ollama.blob': 'operate',
  'ollama.upload': 'operate',
  'simple.generate': 'infer',
  'simple.complete': 'infer',
  'simple.stream': 'infer',
  'simple.chat': 'infer',
  'simple.embeddings': 'infer',
  livez: 'public',
  readyz: 'public',
  health: 'public',
  dependencies: 'metrics',
  metrics: 'metrics',
  'documents.openapi': 'public',
  'documents.docs': 'public',
  'documents.redoc': 'public',
};

/** As the tables have it: what is about the whole gateway is for the people who run it. */
function may(role: Role, tenant: string, permission: Permission): boolean {
  if (permission === 'public') return true;
  return reachOf(role, permission) !== undefined && (permission === 'infer' || tenant === home);
}

/** From behind a proxy, where nothing is free for being on this machine. */
const away = { 'x-forwarded-for': '203.0.113.7' };
const wrongKey = 'sk-mr-0000000000000000000000000000000000000000';

const ask = (head: Head): Promise<Answer> =>
  answerTo(
    gateway.port,
    requestBytes({ ...head, headers: { ...away, ...head.headers, connection: 'close' } }),
  );

/** Every route as a request; the body says nothing, so that who may pass gets no further than its reader. */
function routes(): { name: string; permission: Permission; head: Head }[] {
  return gateway.gateway.snapshot.routes.map(({ method, path, route }) => ({
    name: route.name,
    permission: route.permission,
    head: {
      method,
      path: path.replace('*', `sha256:${'0'.repeat(64)}`),
      ...(method === 'POST' ? { body: '{}' } : {}),
    },
  }));
}

const isRefused = ({ status }: Answer): boolean => [401, 403, 404].includes(status);
const named = ({ method, path }: Head): string => `${method} ${path}`;

test('every route is one that somebody decided about, and asks what was decided (G1)', () => {
  const registered = Object.fromEntries(routes().map(({ name, permission }) => [name, permission]));
  assert.deepEqual(registered, decided);
});

test('without a key only the public routes answer (G1)', async () => {
  for (const { head, permission } of routes()) {
    const answer = await ask(head);
    if (permission === 'public') assert.equal(answer.status, 200, named(head));
    else assert.equal(answer.status, permission === 'metrics' ? 404 : 401, named(head));
  }
});

test('an unknown key opens nothing that no key opens, whatever carries it (G1)', async () => {
  for (const { head, permission } of routes()) {
    if (permission === 'public') continue;
    for (const carried of carriers(head, wrongKey)) {
      assert.ok([401, 404].includes((await ask(carried)).status), named(carried));
    }
  }
});

for (const tenant of tenants) {
  for (const [at, role] of roles.entries()) {
    test(`G1: ${role} of ${tenant === home ? 'the gateway’s tenant' : 'another tenant'} reaches what the tables allow, whatever carries its key`, async () => {
      for (const [turn, { head, permission }] of routes().entries()) {
        const all = carriers(head, keyOf(tenant, role));
        // Each key in each place over the routes: a pair of the two tells no more of either.
        for (const carried of [all[0], all[1 + ((turn + at) % (all.length - 1))]]) {
          if (carried === undefined) continue;
          const answer = await ask(carried);
          const said = `${role} ${named(carried)}: ${answer.text}`;
          if (!may(role, tenant, permission)) assert.equal(answer.status, 403, said);
          else assert.ok(![401, 403].includes(answer.status), said);
        }
      }
    });
  }
}

/** The same request with the key in each place where clients put one. */
function carriers(head: Head, key: string): Head[] {
  return [
    { ...head, headers: { authorization: `Bearer ${key}` } },
    { ...head, headers: { authorization: `bearer ${key}` } },
    { ...head, headers: { 'x-api-key': key } },
    { ...head, headers: { 'api-key': key } },
    { ...head, path: `${head.path}?key=${key}` },
    { ...head, path: `/k/${key}${head.path}` },
  ];
}

test('no spelling of an address and no header gets round the key (G1)', async () => {
  const spellings = (path: string): string[] => [
    `/${path}`,
    `/.${path}`,
    `/x/..${path}`,
    `${path}/`,
    `${path}/.`,
    `${path}%00`,
    `${path};x`,
    `${path}#`,
    path.toUpperCase(),
    path.replace('/', '/%2e%2e/'),
    path.replace('/', '/%2f'),
    path.replace('/', '\\'),
    `/v1/%2e%2e${path}`,
    `/livez/..${path}`,
    `/livez;${path}`,
    `/k/${path}`,
    `/k/x/livez/..${path}`,
  ];
  const tricks: readonly Readonly<Record<string, string>>[] = [
    { host: 'x/?' },
    { host: 'x/#' },
    { host: 'localhost/livez?' },
    { 'x-original-url': '/livez' },
    { 'x-rewrite-url': '/livez' },
    { 'x-forwarded-host': 'localhost', 'x-forwarded-proto': 'https' },
    { 'x-forwarded-for': '127.0.0.1' },
    { 'x-real-ip': '127.0.0.1' },
    { forwarded: 'for=127.0.0.1' },
    { 'x-http-method-override': 'GET' },
    { authorization: 'Basic b3BlcmF0b3I6' },
    { authorization: `Token ${keys.operator}` },
    { cookie: `key=${keys.operator}; authorization=${keys.operator}` },
    { referer: `http://localhost/k/${keys.operator}/` },
  ];
  for (const { head, permission } of routes()) {
    if (permission === 'public') continue;
    for (const path of spellings(head.path)) {
      const answer = await ask({ ...head, path });
      assert.ok(isRefused(answer) || [400, 405].includes(answer.status), `${path}: ${answer.status}`);
    }
    for (const headers of tricks) {
      const answer = await ask({ ...head, headers });
      assert.ok(isRefused(answer) || answer.status === 400, `${named(head)} ${JSON.stringify(headers)}`);
    }
  }
});

test('two different keys are refused, in different carriers or in one (G1)', async () => {
  const good = `Bearer ${keys.developer}`;
  const path = '/v1/models';
  const doubled: readonly Head[] = [
    { path, headers: { authorization: good, 'x-api-key': wrongKey } },
    { path, headers: { authorization: good, 'api-key': wrongKey } },
    { path: `${path}?key=${wrongKey}`, headers: { authorization: good } },
    { path: `/k/${wrongKey}${path}`, headers: { authorization: good } },
    { path: `${path}?key=${keys.developer}&key=${wrongKey}` },
    { path, headers: { authorization: good, Authorization: `Bearer ${wrongKey}` } },
    { path, headers: { 'x-api-key': keys.developer, 'X-Api-Key': wrongKey } },
  ];
  for (const head of doubled) assert.equal((await ask(head)).status, 401, JSON.stringify(head));
  const same = {
    path: `/k/${keys.developer}${path}?key=${keys.developer}`,
    headers: { authorization: good },
  };
  assert.equal((await ask(same)).status, 200);
});

const corpus: Readonly<Record<string, string>> = {
  'an SQL injection': "' OR 1=1--",
  'an SQL injection that waits': "' OR pg_sleep(8)--",
  'the prefix alone': 'sk-',
  'our prefix alone': 'sk-mr-',
  'a key cut short': keys.developer.slice(0, -1),
  'a key with more behind it': `${keys.developer}0`,
  'a key in capitals': keys.developer.toUpperCase(),
  'a name of the prototype': '__proto__',
  'another name of the prototype': 'constructor',
  'UTF-8': Buffer.from('schlüssel-鍵-🔑').toString('latin1'),
  'many spaces': ' '.repeat(8000),
  'a template': '{{7*7}}<%= 7*7 %>$(id)',
  '12 KB': 'x'.repeat(12_000),
};

for (const [what, key] of Object.entries(corpus)) {
  test(`${what} as a key is refused with 401 at once (G2)`, async () => {
    for (const head of [
      { path: '/v1/models', headers: { authorization: `Bearer ${key}` } },
      { path: '/v1/models', headers: { 'x-api-key': key } },
    ]) {
      // A busy machine makes some of them slow; what waits for something does so each time.
      const tookMs: number[] = [];
      let answer = await ask(head);
      while (tookMs.length < 5 && !tookMs.some((each) => each < 50)) {
        const startedMs = performance.now();
        answer = await ask(head);
        tookMs.push(performance.now() - startedMs);
        assert.equal(answer.status, 401);
      }
      assert.ok(Math.min(...tookMs) < 50, `it took ${tookMs.join(', ')} ms`);
      assert.ok(key.trim() === '' || !answer.text.includes(key), 'the answer does not repeat it');
    }
  });
}

test('a key of a megabyte, or one with NUL in it, is refused before it is read as one (G2)', async () => {
  const huge = await ask({
    path: '/v1/models',
    headers: { authorization: `Bearer ${'x'.repeat(1_000_000)}` },
  });
  assert.equal(huge.status, 431);
  const nul = await ask({ path: '/v1/models', headers: { authorization: 'Bearer sk-\0' } });
  assert.equal(nul.status, 400);
});

test('a percent sign that encodes nothing is a 4xx wherever it stands', async () => {
  for (const path of [
    '/v1/models/%zz',
    '/models/%',
    `/k/%E0%A4/v1/models`,
    '/v1/models?key=%zz',
    '/v1/models/%00',
  ]) {
    const { status, text } = await ask({ path, headers: { authorization: `Bearer ${keys.developer}` } });
    assert.ok(status >= 400 && status < 500, `${path}: ${status} ${text}`);
  }
});

test("the admin listener's paths are nothing on the clients' port (G6)", async () => {
  for (const path of [
    '/admin',
    '/admin/api/v1/config',
    '/admin/api/v1/keys',
    '/admin/api/v1/reload',
    '/config/update',
  ]) {
    for (const method of ['GET', 'POST']) {
      const { status } = await ask({ path, method, headers: { authorization: `Bearer ${keys.operator}` } });
      assert.equal(status, 404, `${method} ${path}`);
    }
  }
});
