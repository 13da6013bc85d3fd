/** A person signs in to the console at a real identity provider, works, and signs out; and those who try to get in otherwise. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf, openTestAdmin, roleKeys } from '../admin-rig.ts';
import { Browser } from '../identity/browser.ts';
import { askAs, comeBack, openConsole, signIn } from '../identity/console-rig.ts';
import { answerTo, requestBytes } from '../security/raw.ts';
import { openRedisServer } from '../servers/redis-server.ts';

test('a person signs in, is known by name, tenant and role, changes something, and signs out', async (t) => {
  const rig = await openConsole(t);
  const { browser, page } = await signIn(rig);
  assert.equal(page.status, 200, page.text);
  assert.match(page.text, /Signed in as corp:alice: admin of default/);
  const cookie = page.headers.get('set-cookie') ?? '';
  assert.match(cookie, /^millrace-session=[\w-]{43}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Strict$/);
  const { body: me } = await askAs(rig, browser, 'session');
  assert.deepEqual(
    { ...me, csrf: typeof me.csrf },
    {
      name: 'corp:alice',
      tenant: 'default',
      role: 'admin',
      how: 'session',
      csrf: 'string',
      expiresAt: me.expiresAt,
    },
  );
  const acme = { method: 'POST', body: { name: 'acme' }, headers: { 'x-millrace-csrf': me.csrf } };
  assert.equal((await askAs(rig, browser, 'tenants', acme)).status, 201);
  const { body: audit } = await rig.admin.ask('audit');
  const records = (audit.items as { action: string; actor: string; outcome: string }[]).map(
    ({ action, actor, outcome }) => `${actor} ${action} ${outcome}`,
  );
  assert.deepEqual(records.reverse(), [
    'corp:alice session.begin begun',
    'corp:alice session.begin done',
    'corp:alice tenants.create begun',
    'corp:alice tenants.create done',
  ]);
  const out = await askAs(rig, browser, 'session', {
    method: 'DELETE',
    headers: { 'x-millrace-csrf': me.csrf },
  });
  assert.equal(out.status, 204);
  assert.match(out.headers.get('set-cookie') ?? '', /^millrace-session=; Path=\/; Max-Age=0;/);
  assert.equal((await askAs(rig, browser, 'session')).status, 401);
});

test('a page of another site changes nothing with somebody’s session', async (t) => {
  const rig = await openConsole(t);
  const { browser } = await signIn(rig);
  for (const headers of [{}, { 'x-millrace-csrf': 'guessed' }]) {
    const refused = await askAs(rig, browser, 'tenants', { method: 'POST', body: { name: 'acme' }, headers });
    assert.equal(refused.status, 403);
    assert.match(refused.body.detail, /x-millrace-csrf/);
  }
  assert.equal((await askAs(rig, browser, 'tenants/acme')).status, 404);
});

test('a session ends when nobody used it for a while, and at the latest after its time', async (t) => {
  const rig = await openConsole(t);
  const { browser: idle } = await signIn(rig);
  rig.clock.advance(600_000);
  assert.equal((await askAs(rig, idle, 'session')).status, 401);
  const { browser: busy } = await signIn(rig);
  for (let minutes = 0; minutes < 59; minutes += 1) {
    rig.clock.advance(60_000);
    assert.equal((await askAs(rig, busy, 'session')).status, 200);
  }
  rig.clock.advance(60_000);
  assert.equal((await askAs(rig, busy, 'session')).status, 401);
});

test('what one browser began no other ends, and nothing is ended twice', async (t) => {
  const rig = await openConsole(t);
  const victim = new Browser();
  const attacker = new Browser();
  const url = await comeBack(rig, attacker);
  const planted = await victim.go(url);
  assert.equal(planted.status, 403);
  assert.equal(planted.headers.get('set-cookie'), null);
  await victim.go(`${rig.admin.url}/admin/sign-in`);
  assert.equal((await victim.go(url)).status, 403);
  assert.equal((await attacker.go(url)).status, 200);
  assert.equal((await attacker.go(url)).status, 403);
  const { body: audit } = await rig.admin.ask('audit');
  assert.ok((audit.items as { outcome: string }[]).some(({ outcome }) => outcome === 'refused'));
});

test('an answer without our state, and one that took too long, signs nobody in', async (t) => {
  const rig = await openConsole(t);
  const first = new Browser();
  const url = new URL(await comeBack(rig, first));
  url.searchParams.set('state', 'another');
  assert.equal((await first.go(url.href)).status, 403);
  const second = new Browser();
  const late = await comeBack(rig, second);
  rig.clock.advance(600_000);
  assert.equal((await second.go(late)).status, 403);
});

test('whoever is signing in comes back, however many begin to after him', async (t) => {
  const rig = await openConsole(t);
  const browser = new Browser();
  const url = await comeBack(rig, browser);
  const begin = () => new Browser().go(`${rig.admin.url}/admin/sign-in`);
  for (let begun = 0; begun < 1_020; begun += 60) {
    const pages = await Promise.all(Array.from({ length: 60 }, begin));
    assert.deepEqual([...new Set(pages.map(({ status }) => status))], [302]);
  }
  const page = await browser.go(url);
  assert.equal(page.status, 200, page.text);
});

test('a cookie that was not sealed here signs nobody in', async (t) => {
  const rig = await openConsole(t);
  const browser = new Browser();
  const url = await comeBack(rig, browser);
  const [name, value = ''] = browser.cookies(rig.admin.url).split('=');
  const middle = value.length >> 1;
  const other = value[middle] === 'A' ? 'B' : 'A';
  for (const sent of [
    `${value.slice(0, middle)}${other}${value.slice(middle + 1)}`,
    'x',
    'x'.repeat(2_000),
  ]) {
    const reply = await fetch(url, { headers: { cookie: `${name}=${sent}` } });
    assert.equal(reply.status, 403);
    assert.match(await reply.text(), /did not begin to sign in here/);
  }
  assert.equal((await browser.go(url)).status, 200);
});

test('who says no at the provider, or has no role here, is told so', async (t) => {
  const rig = await openConsole(t, { roles: { others: 'admin' } });
  const { page } = await signIn(rig);
  assert.equal(page.status, 403);
  assert.match(page.text, /nothing in the token&#39;s claim &#34;roles&#34; is a role here/);
  assert.equal(page.headers.get('set-cookie'), null);
  const browser = new Browser();
  const begun = await browser.go(`${rig.admin.url}/admin/sign-in`);
  const state = new URL(begun.headers.get('location') ?? '').searchParams.get('state');
  const denied = `${rig.admin.url}/admin/sign-in/callback?error=access_denied&state=${state}&iss=${rig.provider.url}`;
  assert.match((await browser.go(denied)).text, /the issuer says: access denied/);
});

test('G5: a provider that is down is our outage, told before anybody is sent there, and after', async (t) => {
  const rig = await openConsole(t);
  const browser = new Browser();
  const url = await comeBack(rig, browser);
  rig.provider.outage = 502;
  assert.equal((await browser.go(url)).status, 503);
  rig.provider.outage = undefined;
  const later = await comeBack(rig, browser);
  await rig.provider.close();
  assert.equal((await browser.go(later)).status, 503);
  rig.clock.advance(60_000);
  const begun = await browser.go(`${rig.admin.url}/admin/sign-in`);
  assert.equal(begun.status, 503);
  assert.match(begun.text, /dependency_unavailable/);
});

test('without `identity.oidc` nobody signs in, and who was signed in is not', async (t) => {
  const rig = await openConsole(t);
  const { browser } = await signIn(rig);
  await rig.admin.gateway.reload({});
  assert.equal((await askAs(rig, browser, 'session')).status, 401);
  assert.equal((await browser.go(`${rig.admin.url}/admin/sign-in`)).status, 404);
});

test('over TLS the cookie is for this host and for TLS alone', async (t) => {
  const rig = await openConsole(t, { redirectUrl: 'https://console.example/admin/sign-in/callback' });
  const begun = await new Browser().go(`${rig.admin.url}/admin/sign-in`);
  const planted = { cookie: `millrace-session=${'x'.repeat(43)}` };
  assert.equal((await rig.admin.ask('session', { as: null, headers: planted })).status, 401);
  assert.match(
    begun.headers.get('set-cookie') ?? '',
    /^__Host-millrace-sign-in=[\w-]{200,1024}; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/,
  );
  const location = new URL(begun.headers.get('location') ?? '');
  assert.equal(location.searchParams.get('code_challenge_method'), 'S256');
  for (const name of ['state', 'nonce', 'code_challenge'])
    assert.ok((location.searchParams.get(name) ?? '').length >= 43);
});

test('behind a proxy the console goes by the name of `redirectUrl`, and by no other', async (t) => {
  const rig = await openConsole(t, { redirectUrl: 'https://console.example/admin/sign-in/callback' });
  const statusUnder = async (host: string) =>
    (await answerTo(rig.admin.port, requestBytes({ path: '/admin/sign-in', headers: { host } }))).status;
  assert.equal(await statusUnder('console.example'), 302);
  assert.equal(await statusUnder('rebound.example'), 421);
});

test('with Redis a person begins at one gateway, comes back to another, and is signed out of both', async (t) => {
  const redis = await openRedisServer();
  t.after(() => redis.stop());
  const { provider, config } = await openConsole(t);
  const admins = await Promise.all(
    [1, 2].map(() => openTestAdmin({ config: { ...config, shared: redis.url } })),
  );
  t.after(() => Promise.all(admins.map((admin) => admin.close())));
  const [one, two] = admins.map((admin) => ({ provider, admin }));
  assert.ok(one !== undefined && two !== undefined);
  const browser = new Browser();
  const url = await comeBack(one, browser);
  const page = await browser.go(url.replace(one.admin.url, two.admin.url));
  assert.equal(page.status, 200, page.text);
  const known = await Promise.all([one, two].map((rig) => askAs(rig, browser, 'session')));
  assert.deepEqual(
    known.map(({ status, body }) => `${status} ${body.name}`),
    ['200 corp:alice', '200 corp:alice'],
  );
  const headers = { 'x-millrace-csrf': known[0]?.body.csrf };
  const ended = await askAs(one, browser, 'session', { method: 'DELETE', headers });
  assert.equal(ended.status, 204);
  assert.equal((await askAs(two, browser, 'session')).status, 401);
  const { browser: other } = await signIn(two);
  assert.equal((await askAs(one, other, 'session')).status, 200);
  const { browser: third } = await signIn(one);
  const { body: open } = await two.admin.ask('sessions');
  assert.equal(open.items.length, 2);
  const last = await two.admin.ask(`sessions/${open.items[1].id}`, { method: 'DELETE' });
  assert.equal(last.status, 204, 'begun at one, ended at the other');
  assert.equal((await askAs(one, third, 'session')).status, 401);
  redis.kill();
  const outage = await askAs(one, other, 'session');
  assert.equal(outage.status, 503);
  assert.equal(outage.body.code, 'dependency_unavailable');
  assert.equal((await one.admin.ask('sessions')).status, 503);
});

test('whoever is switched off here is no longer signed in, and cannot sign in', async (t) => {
  const rig = await openConsole(t);
  const { browser } = await signIn(rig);
  assert.equal((await askAs(rig, browser, 'session')).status, 200);
  const { directory } = rig.admin.gateway.gateway.lasting.followed;
  const place = { tenant: 'default', active: true } as const;
  await directory.put({ ...place, kind: 'tenant', name: '', keepContentDays: 0 });
  const alice = { ...place, kind: 'user', name: 'alice', team: '', role: 'admin', service: false } as const;
  await directory.put({ ...alice, active: false });
  assert.equal((await askAs(rig, browser, 'session')).status, 403);
  const { page } = await signIn(rig);
  assert.equal(page.status, 403);
  assert.match(page.text, /the user &#34;alice&#34; is switched off here/);
});

test('who may see sessions sees those of his tenant, and ends them; they are told in the audit log', async (t) => {
  const keys = [...roleKeys('default'), ...roleKeys('acme')];
  const rig = await openConsole(t, {}, { keys });
  await rig.admin.ask('tenants', { method: 'POST', body: { name: 'acme' } });
  const { browser } = await signIn(rig);
  rig.clock.advance(1_000);
  const { browser: second } = await signIn(rig);
  const { body: all } = await rig.admin.ask('sessions');
  assert.deepEqual(
    all.items.map(({ id: _id, ...item }: { id: string }) => item),
    [0, 1_000].map((laterMs) => ({
      name: 'corp:alice',
      tenant: 'default',
      user: 'alice',
      role: 'admin',
      beganAt: new Date(rig.clock.wall() - 1_000 + laterMs).toISOString(),
      expiresAt: new Date(rig.clock.wall() - 1_000 + laterMs + 3_600_000).toISOString(),
    })),
  );
  const first = await rig.admin.ask('sessions?limit=1');
  assert.deepEqual(first.body.items, all.items.slice(0, 1));
  const rest = await rig.admin.ask(`sessions?limit=1&after=${encodeURIComponent(first.body.next)}`);
  assert.deepEqual(rest.body, { items: all.items.slice(1) });
  const { id } = all.items[0];
  const theirs = { as: keyOf('acme', 'owner') };
  assert.deepEqual((await rig.admin.ask('sessions', theirs)).body, { items: [] });
  assert.equal((await rig.admin.ask(`sessions/${id}`, { ...theirs, method: 'DELETE' })).status, 404);
  assert.equal((await rig.admin.ask('sessions?tenant=default', theirs)).status, 404);
  assert.equal((await askAs(rig, browser, 'session')).status, 200);
  const end = { as: keyOf('default', 'admin'), method: 'DELETE' };
  assert.equal((await rig.admin.ask(`sessions/${id}`, end)).status, 204);
  assert.equal((await rig.admin.ask(`sessions/${id}`, end)).status, 404);
  assert.equal((await askAs(rig, browser, 'session')).status, 401);
  assert.equal((await askAs(rig, second, 'session')).status, 200, 'nobody else’s');
  const { body: audit } = await rig.admin.ask('audit');
  const ended = audit.items.find(({ action, outcome }: { action: string; outcome: string }) => {
    return action === 'sessions.end' && outcome === 'done';
  });
  assert.deepEqual([ended.actor, ended.object], ['default-admin', `default/${id}`]);
});

test('an admin does not sign an owner out', async (t) => {
  const rig = await openConsole(t, { roles: { 'llm-admins': 'owner' } }, { keys: roleKeys('default') });
  const { browser } = await signIn(rig);
  const as = keyOf('default', 'admin');
  const [session] = (await rig.admin.ask('sessions', { as })).body.items;
  assert.equal((await rig.admin.ask(`sessions/${session.id}`, { as, method: 'DELETE' })).status, 403);
  assert.equal((await askAs(rig, browser, 'session')).status, 200);
});
