/** Keys through the admin API: shown once, narrowed, rotated, revoked, and each only by whom it belongs to. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { keyOf, openTestAdmin, roleKeys, type TestAdmin } from '../admin-rig.ts';
import { simulator } from '../gateway.ts';

let admin: TestAdmin;
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
const guest = {
  name: 'guest',
  key: 'sk-mr-acme-guest-c2f9a7d1e4b80356',
  role: 'admin',
  tenant: 'acme',
  expiresAt: inDays(2),
};

before(async () => {
  admin = await openTestAdmin({
    config: {
      keys: [...roleKeys('default'), ...roleKeys('acme'), guest],
      upstreams: simulator.upstreams,
      models: {
        small: { targets: [{ upstream: 'sim', model: 'simulator' }] },
        large: { targets: [{ upstream: 'sim', model: 'simulator' }] },
      },
    },
  });
  await admin.ask('tenants', { method: 'POST', body: { name: 'acme' } });
  for (const name of ['developer-person', 'someone']) {
    const made = await admin.ask('users?tenant=acme', { method: 'POST', body: { name } });
    assert.equal(made.status, 201, JSON.stringify(made.body));
  }
});
after(() => admin.close());

const make = (body: object, as?: string) =>
  admin.ask(as === undefined ? 'keys?tenant=acme' : 'keys', {
    method: 'POST',
    body,
    ...(as === undefined ? {} : { as }),
  });

async function call(key: string, path: string, body?: object): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${admin.gateway.url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, text: await answer.text() };
}

const chat = (key: string, model: string) =>
  call(key, '/v1/chat/completions', { model, max_tokens: 4, messages: [{ role: 'user', content: 'hi' }] });

test('a key is told once, opens at once, and is never told again', async () => {
  const made = await make({ name: 'once' });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { key, hint } = made.body;
  assert.match(key, /^sk-mr-[0-9a-f]{46}$/);
  assert.equal(hint, key.slice(-4));
  assert.equal((await chat(key, 'small')).status, 200);
  for (const path of ['keys?tenant=acme', 'keys/once?tenant=acme', 'audit', 'config', 'configured-keys']) {
    const shown = await admin.ask(path);
    assert.equal(shown.status, 200, path);
    assert.equal(JSON.stringify(shown.body).includes(key), false, path);
  }
  assert.equal(admin.gateway.lines.join('\n').includes(key), false);
  const again = await make({ name: 'once' });
  assert.equal(again.status, 409);
});

test('rotation lets both keys open for a while, and at once where no overlap is wanted', async () => {
  const { key: first } = (await make({ name: 'turning' })).body;
  const rotate = (body?: object) =>
    admin.ask('keys/turning/rotate?tenant=acme', { method: 'POST', ...(body === undefined ? {} : { body }) });
  const turned = await rotate();
  assert.equal(turned.status, 200, JSON.stringify(turned.body));
  const hours = (Date.parse(turned.body.previousUntil) - Date.now()) / 3_600_000;
  assert.ok(Math.abs(hours - 24) < 0.1, `${hours} hours`);
  assert.equal((await chat(first, 'small')).status, 200);
  assert.equal((await chat(turned.body.key, 'small')).status, 200);
  const last = await rotate({ overlapS: 0 });
  assert.equal(last.body.previousUntil, null);
  assert.equal((await chat(turned.body.key, 'small')).status, 401);
  assert.equal((await chat(last.body.key, 'small')).status, 200);
  assert.equal((await rotate({ overlapS: 31 * 86_400 })).status, 400);
});

test('a key that ends hands on no more time than it has, neither to another nor to itself', async () => {
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const later = new Date(Date.now() + 7_200_000).toISOString();
  const own = { user: 'someone', role: 'developer', expiresAt };
  const { key } = (await make({ name: 'ending', ...own })).body;
  const asked = async (path: string, method: string, body: object) =>
    (await admin.ask(path, { method, as: key, body, headers: method === 'PATCH' ? { 'if-match': '*' } : {} }))
      .status;
  assert.equal(await asked('keys/ending', 'PATCH', { expiresAt: later }), 403);
  assert.equal(await asked('keys/ending', 'PATCH', { expiresAt: null }), 403);
  assert.equal(await asked('keys', 'POST', { name: 'heir' }), 403);
  assert.equal(await asked('keys', 'POST', { name: 'heir', expiresAt: later }), 403);
  assert.equal(await asked('keys', 'POST', { name: 'heir', expiresAt }), 201);
  assert.equal(await asked('keys/ending/rotate', 'POST', {}), 200);
});

test('nor does one of the configuration', async () => {
  for (const expiresAt of [null, inDays(3)]) {
    const refused = await make({ name: 'longer', expiresAt }, guest.key);
    assert.deepEqual([refused.status, refused.body.code], [403, 'forbidden']);
    assert.match(refused.body.detail, /may last longer/);
  }
  assert.equal((await make({ name: 'as-long', expiresAt: inDays(1) }, guest.key)).status, 201);
});

test('a key that is switched off or removed opens nothing any more', async () => {
  const { key } = (await make({ name: 'leaving' })).body;
  const path = 'keys/leaving?tenant=acme';
  const headers = { 'if-match': '*' };
  assert.equal((await admin.ask(path, { method: 'PATCH', headers, body: { active: false } })).status, 200);
  assert.equal((await chat(key, 'small')).status, 401);
  assert.equal((await admin.ask(path, { method: 'PATCH', headers, body: { active: true } })).status, 200);
  assert.equal((await chat(key, 'small')).status, 200);
  assert.equal((await admin.ask(path, { method: 'DELETE' })).status, 204);
  assert.equal((await chat(key, 'small')).status, 401);
});

test('an expiry that is over, or too far, is refused; null is for ever', async () => {
  for (const expiresAt of ['2020-01-01T00:00:00Z', '2999-01-01T00:00:00Z', 'tomorrow']) {
    assert.equal((await make({ name: 'late', expiresAt })).status, 400, expiresAt);
  }
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
  assert.equal((await make({ name: 'late', expiresAt })).body.expiresAt, expiresAt);
  const headers = { 'if-match': '*' };
  const change = (body: object) => admin.ask('keys/late?tenant=acme', { method: 'PATCH', headers, body });
  assert.equal((await change({ expiresAt: '2020-01-01T00:00:00Z' })).status, 400);
  assert.equal((await change({ expiresAt: null })).body.expiresAt, null);
});

test('a key that is for some models is refused the others, and sees no others in any listing', async () => {
  const { key } = (await make({ name: 'narrow', scopes: { models: ['small'] } })).body;
  assert.equal((await chat(key, 'small')).status, 200);
  for (const model of ['large', 'sim/simulator', 'simulator', 'no-such']) {
    const { status, text } = await chat(key, model);
    assert.equal(status, 403, model);
    assert.match(text, /is not for the model .* it is for small/);
  }
  assert.equal((await call(key, '/api/show', { model: 'large' })).status, 403);
  assert.equal((await call(key, '/v1/models/large')).status, 403);
  assert.equal((await call(key, '/api/generate', { model: 'large', prompt: 'hi' })).status, 403);
  for (const path of ['/v1/models', '/api/tags']) {
    const { text } = await call(key, path);
    assert.ok(text.includes('small') && !text.includes('large'), `${path}: ${text}`);
  }
});

test('a key that is for some routes or addresses is refused elsewhere, in clear words', async () => {
  const { key } = (await make({ name: 'one-route', scopes: { routes: ['openai.chat'] } })).body;
  assert.equal((await chat(key, 'small')).status, 200);
  const other = await call(key, '/api/chat', { model: 'small', messages: [] });
  assert.equal(other.status, 403);
  assert.match(other.text, /for other routes than ollama\.chat/);
  const away = (await make({ name: 'away', scopes: { addresses: ['192.0.2.0/24'] } })).body.key;
  const refused = await chat(away, 'small');
  assert.equal(refused.status, 403);
  assert.match(refused.text, /may not be used from 127\.0\.0\.1/);
  const here = (await make({ name: 'here', scopes: { addresses: ['127.0.0.0/8'] } })).body.key;
  assert.equal((await chat(here, 'small')).status, 200);
  assert.equal((await make({ name: 'bad', scopes: { addresses: ['300.1.1.1'] } })).status, 400);
});

test('the same scopes hold on the admin listener', async () => {
  const scopes = { routes: ['keys.list'] };
  const { key } = (await make({ name: 'lister', role: 'admin', scopes })).body;
  assert.equal((await admin.ask('keys', { as: key })).status, 200);
  assert.equal((await admin.ask('users', { as: key })).status, 403);
  const wide = (await make({ name: 'small-admin', role: 'admin', scopes: { models: ['small'] } })).body.key;
  const widened = await make({ name: 'widened' }, wide);
  assert.equal(widened.status, 403);
  assert.match(widened.body.detail, /narrowed to its scopes/);
});

test('a developer has keys of his own, and nobody else’s exist for him', async () => {
  const as = keyOf('acme', 'developer');
  await make({ name: 'others', user: 'someone' });
  const made = await make({ name: 'mine' }, as);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  assert.equal(made.body.user, 'developer-person');
  const listed = await admin.ask('keys?limit=1', { as });
  assert.deepEqual(
    listed.body.items.map(({ name }: { name: string }) => name),
    ['mine'],
  );
  assert.equal(listed.body.next, undefined, 'no cursor tells of others');
  const headers = { 'if-match': '*' };
  const others = [
    { path: 'keys/others', method: 'GET' },
    { path: 'keys/others', method: 'DELETE' },
    { path: 'keys/others', method: 'PATCH', headers, body: { active: false } },
    { path: 'keys/others/rotate', method: 'POST', body: {} },
  ];
  for (const { path, ...rest } of others) {
    assert.equal((await admin.ask(path, { as, ...rest })).status, 404, `${rest.method} ${path}`);
  }
  assert.equal((await make({ name: 'for-others', user: 'someone' }, as)).status, 403);
  assert.equal((await make({ name: 'above', role: 'admin' }, as)).status, 403);
  assert.equal((await admin.ask('keys/mine', { as, method: 'DELETE' })).status, 204);
});

test('a developer of the gateway’s own tenant has no keys in another one, where somebody has his name', async () => {
  const as = keyOf('default', 'developer');
  for (const body of [{ name: 'namesakes' }, { name: 'namesakes', user: 'developer-person' }]) {
    const made = await admin.ask('keys?tenant=acme', { as, method: 'POST', body });
    assert.deepEqual([made.status, made.body.code], [403, 'forbidden'], JSON.stringify(made.body));
  }
  assert.equal((await admin.ask('keys/namesakes?tenant=acme')).status, 404);
});

test('an admin neither makes nor turns over a key of an owner', async () => {
  const as = keyOf('acme', 'admin');
  await make({ name: 'crown', role: 'owner' });
  assert.equal((await make({ name: 'usurped', role: 'owner' }, as)).status, 403);
  assert.equal((await admin.ask('keys/crown/rotate', { as, method: 'POST', body: {} })).status, 403);
  assert.equal((await admin.ask('keys/crown', { as, method: 'DELETE' })).status, 403);
});

test('scopes that name what nobody has are taken and warned of, when they are made and when they are changed', async () => {
  const scopes = { models: ['small', 'smal'], routes: ['openai.chat', 'keys.list', 'openai.chats'] };
  const made = await make({ name: 'ahead', scopes });
  assert.equal(made.status, 201);
  assert.deepEqual(made.body.warnings, [
    'there is no model of the name "smal": until there is, its scope opens nothing',
    'there is no route of the name "openai.chats": until there is, its scope opens nothing',
  ]);
  const change = (models: readonly string[]) =>
    admin.ask('keys/ahead?tenant=acme', {
      method: 'PATCH',
      headers: { 'if-match': '*' },
      body: { scopes: { models } },
    });
  assert.match((await change(['soon'])).body.warnings[0], /"soon"/);
  assert.equal('warnings' in (await change(['large'])).body, false);
  assert.equal('warnings' in (await admin.ask('keys/ahead?tenant=acme')).body, false);
});
