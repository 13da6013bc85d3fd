/**
 * Who may ask for what, generated from the tables of both listeners: every route with every kind of credential, and every
 * way to get round it (G1, G6, API1). `access.test.ts` holds what was decided for the clients' listener.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fastify } from 'fastify';
import { registerRoutes } from '../../src/admin/register.ts';
import type { AdminRoute } from '../../src/admin/route.ts';
import type { Role } from '../../src/core/exchange.ts';
import { roles } from '../../src/identity/options.ts';
import { reachOf } from '../../src/identity/permissions.ts';
import { keyOf, openTestAdmin, roleKeys, type TestAdmin } from '../admin-rig.ts';
import { type Answer, answerTo, type Head, requestBytes } from './raw.ts';

const home = 'default';
const other = 'acme';
let admin: TestAdmin;
/** Of an owner who runs the gateway, narrowed to one route of each listener. */
let narrowed: string;

before(async () => {
  admin = await openTestAdmin({
    config: { keys: [...roleKeys(home), ...roleKeys(other)], operator: { beyondLoopback: true } },
  });
  for (const name of [other, 'lab']) await admin.ask('tenants', { method: 'POST', body: { name } });
  const theirs = await admin.ask('keys?tenant=lab', { method: 'POST', body: { name: 'theirs' } });
  assert.equal(theirs.status, 201);
  const scopes = { routes: ['openai.models', 'status.show'] };
  const made = await admin.ask('keys', { method: 'POST', body: { name: 'narrowed', role: 'owner', scopes } });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  narrowed = made.body.key;
});
after(() => admin.close());

const wrongKey = 'sk-mr-0000000000000000000000000000000000000000';

/** A request that says nothing, so that whoever may pass gets no further than what checks it. */
function headOf({ method, path }: AdminRoute): Head {
  return {
    method,
    path: path.replace(/:\w+/g, 'no-such-thing'),
    ...(method === 'GET' || method === 'DELETE'
      ? {}
      : { body: '{}', headers: { 'content-type': 'application/json' } }),
  };
}

const ask = (head: Head, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  answerTo(
    admin.port,
    requestBytes({ ...head, headers: { ...head.headers, ...headers, connection: 'close' } }),
  );

const bearing = (key: string) => ({ authorization: `Bearer ${key}` });
const guarded = () => admin.routes.filter(({ permission }) => permission !== 'public');
const named = ({ name, method, path }: AdminRoute) => `${name}: ${method} ${path}`;

/** As the tables have it. */
function may(role: Role, tenant: string, { permission, scope }: AdminRoute): boolean {
  if (permission === 'public') return true;
  return reachOf(role, permission) !== undefined && (scope === 'tenant' || tenant === home);
}

test('G1: without a credential, or with one that is none of ours, nothing answers that is not public', async () => {
  for (const row of guarded()) {
    for (const headers of [
      {},
      bearing(wrongKey),
      bearing(''),
      { authorization: `Basic ${admin.token}` },
      { authorization: admin.token },
      { 'x-api-key': admin.token },
      { 'api-key': keyOf(home, 'owner') },
      { cookie: `session=${admin.token}; token=${admin.token}` },
      { 'x-original-url': '/livez', 'x-rewrite-url': '/livez' },
      { 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1' },
      { 'x-http-method-override': 'GET' },
    ]) {
      const { status } = await ask(headOf(row), headers);
      assert.equal(status, 401, `${named(row)} with ${JSON.stringify(headers)}`);
    }
    const inPath = headOf(row);
    assert.equal(
      (await ask({ ...inPath, path: `${inPath.path}?key=${admin.token}` })).status,
      401,
      named(row),
    );
    const { status } = await ask({ ...inPath, path: `/k/${admin.token}${inPath.path}` });
    assert.equal(status, 401, `/k/KEY in front of ${named(row)}`);
  }
});

for (const tenant of [home, other]) {
  for (const role of roles) {
    test(`G1: ${role} of ${tenant === home ? 'the gateway’s tenant' : 'another tenant'} reaches what the tables allow`, async () => {
      for (const row of guarded()) {
        const { status, text } = await ask(headOf(row), bearing(keyOf(tenant, role)));
        if (may(role, tenant, row)) assert.notEqual(status, 401, `${named(row)}: ${text}`);
        else assert.equal(status, 403, `${named(row)}: ${text}`);
        if (may(role, tenant, row) && role === 'owner')
          assert.notEqual(status, 403, `${named(row)}: ${text}`);
      }
    });
  }
}

test('API1: what is another tenant’s is not there, on every route that can be asked for it', async () => {
  const owner = bearing(keyOf(other, 'owner'));
  const asked = admin.routes.filter(({ scope }) => scope === 'tenant');
  assert.ok(asked.length > 15);
  for (const row of asked) {
    const head = headOf(row);
    const path = `${row.path.replace(':name', 'theirs')}?tenant=lab`;
    const { status, text } = await ask({ ...head, path }, { ...owner, 'if-match': '*' });
    // A body that says nothing may be refused before anybody is looked for.
    const refused = row.body !== undefined && status === 400;
    assert.ok(status === 404 || refused, `${named(row)}: ${status} ${text}`);
    assert.equal(text.includes('"name":"theirs"'), false);
  }
  assert.equal((await admin.ask('keys/theirs?tenant=lab')).status, 200, 'it is still there');
});

test('a key that is narrowed to routes opens these alone, on both listeners', async () => {
  for (const row of guarded()) {
    const { status } = await ask(headOf(row), bearing(narrowed));
    if (row.name === 'status.show') assert.equal(status, 200);
    else assert.equal(status, 403, named(row));
  }
  for (const { method, path, route } of admin.gateway.gateway.snapshot.routes) {
    if (route.permission === 'public') continue;
    const head = { method, path: path.replace('*', 'x'), ...(method === 'POST' ? { body: '{}' } : {}) };
    const headers = { ...bearing(narrowed), 'x-forwarded-for': '203.0.113.7', connection: 'close' };
    const { status } = await answerTo(admin.gateway.port, requestBytes({ ...head, headers }));
    if (route.name === 'openai.models') assert.equal(status, 200);
    else assert.equal(status, 403, `${method} ${path}`);
  }
});

test('no spelling of an address and no Host gets round it (G1)', async () => {
  const spellings = (path: string): string[] => [
    `/${path}`,
    `/x/..${path}`,
    `${path}/`,
    `${path}%00`,
    `${path};x`,
    path.toUpperCase(),
    path.replace('/', '/%2e%2e/'),
    path.replace('/admin', '/%61dmin'),
    `/livez/..${path}`,
    `/livez;${path}`,
    `/livez/%2e%2e${path}`,
  ];
  for (const row of guarded()) {
    const head = headOf(row);
    for (const path of spellings(head.path)) {
      const { status } = await ask({ ...head, path });
      assert.ok([400, 401, 404].includes(status), `${path}: ${status}`);
    }
    for (const host of ['x/?', 'x/#', 'localhost/livez?', 'evil.example', '127.0.0.1.evil.example']) {
      const { status } = await ask(head, { host, ...bearing(admin.token) });
      assert.ok([400, 421].includes(status), `${host}: ${status}`);
    }
  }
});

test('G6: nothing of the admin listener is on the clients’ port, whoever asks', async () => {
  for (const row of admin.routes.filter(({ path }) => path.startsWith('/admin'))) {
    for (const key of [admin.token, keyOf(home, 'owner')]) {
      const bytes = requestBytes({ ...headOf(row), headers: { ...bearing(key), connection: 'close' } });
      assert.equal((await answerTo(admin.gateway.port, bytes)).status, 404, named(row));
    }
  }
});

test('a route that stands in no row ends the start', async () => {
  const server = fastify();
  registerRoutes(server, {
    rows: [],
    findActor: async () => undefined,
    homeTenant: () => home,
    wrongKeys: { turn: () => undefined },
    around: [],
    onRefused: () => {},
  });
  assert.throws(() => server.get('/admin/api/v1/backdoor', () => 'open'), /stands in no row/);
  await server.close();
});

test('every row has a name of its own, and an example that its schemas take', () => {
  const names = admin.routes.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const row of admin.routes) {
    const { params, query, body } = row.example;
    for (const [schema, given] of [
      [row.params, params],
      [row.query, query ?? {}],
      [row.body, body],
    ] as const) {
      const parsed = schema?.safeParse(given);
      assert.ok(parsed?.success !== false, `${named(row)}: ${parsed?.error}`);
    }
    const isDocument = row.tag === 'documents';
    assert.ok(row.scope === 'gateway' || isDocument || row.path.startsWith('/admin/api/v1/'), named(row));
  }
});

test('only an owner gives an owner’s role; what each role may do is what was decided', () => {
  const reaches = (role: Role) =>
    admin.routes.filter((row) => row.permission !== 'public' && may(role, home, row)).map(({ name }) => name);
  const never: Readonly<Record<Role, RegExp>> = {
    owner: /^$/,
    admin: /^secrets\./,
    operator: /^(?:users|teams|tenants|keys|usage|exchanges|audit|secrets)\./,
    developer: /^(?:users|teams|tenants|usage|exchanges|audit|config|upstreams|secrets|metrics)/,
    viewer: /\.(?:create|change|remove|rotate|reload)$|^(?:audit|secrets)\./,
    billing: /\.(?:create|change|remove|rotate|reload)$|^(?:users|teams|tenants|keys|audit|config|secrets)\./,
  };
  for (const role of roles) {
    const wrong = reaches(role).filter((name) => never[role].test(name));
    assert.deepEqual(wrong, [], role);
  }
});
