/** Tenants, teams and users through the admin API: by the gateway's people, and by a tenant's own. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { keyOf, openTestAdmin, roleKeys, type TestAdmin } from '../admin-rig.ts';

let admin: TestAdmin;

before(async () => {
  admin = await openTestAdmin({ config: { keys: [...roleKeys('default'), ...roleKeys('acme')] } });
  for (const name of ['acme', 'lab']) {
    const made = await admin.ask('tenants', { method: 'POST', body: { name } });
    assert.equal(made.status, 201, JSON.stringify(made.body));
  }
});
after(() => admin.close());

const change = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  admin.ask(path, { method: 'PATCH', body, headers });

test('what is made is there, is changed by whoever has seen it, and is removed', async () => {
  const made = await admin.ask('teams?tenant=lab', { method: 'POST', body: { name: 'search' } });
  assert.equal(made.status, 201);
  assert.equal(made.headers.get('location'), '/admin/api/v1/teams/search?tenant=lab');
  const user = await admin.ask('users?tenant=lab', {
    method: 'POST',
    body: { name: 'ada@example.org', team: 'search', role: 'viewer' },
  });
  assert.equal(user.status, 201, JSON.stringify(user.body));
  const path = 'users/ada%40example.org?tenant=lab';
  const shown = await admin.ask(path);
  const { createdAt, version, ...facts } = shown.body;
  assert.deepEqual(facts, {
    tenant: 'lab',
    name: 'ada@example.org',
    team: 'search',
    role: 'viewer',
    service: false,
    active: true,
  });
  assert.equal(shown.headers.get('etag'), `"${version}"`);
  assert.ok(Date.parse(createdAt) > 0);
  const etag = shown.headers.get('etag') ?? '';
  const changed = await change(path, { role: 'billing' }, { 'if-match': etag });
  assert.equal(changed.status, 200);
  assert.deepEqual([changed.body.role, changed.body.team], ['billing', 'search']);
  assert.notEqual(changed.headers.get('etag'), etag);
  assert.equal((await admin.ask(path, { method: 'DELETE' })).status, 204);
  assert.equal((await admin.ask(path)).status, 404);
  assert.equal((await admin.ask(path, { method: 'DELETE' })).status, 404);
});

test('a refused body or query is told by its field, in one line', async () => {
  const told = async (path: string, body?: unknown) => {
    const { status, body: problem } = await admin.ask(
      path,
      body === undefined ? {} : { method: 'POST', body },
    );
    assert.equal(status, 400);
    return problem.detail as string;
  };
  assert.equal(await told('users', { name: 7 }), 'name: must be text');
  assert.equal(await told('users', { name: 'eve', age: 7, size: 8 }), '`age`, `size` may not stand here');
  assert.match(
    await told('keys', { name: 'eve', scopes: { models: ['a', 7] } }),
    /^scopes\.models\[1\]: must be text$/,
  );
  assert.match(await told('users', { name: 'eve', role: 'king' }), /^role: must be one of owner, admin, /);
  assert.match(await told('users?limit=many'), /^in the query: limit: must be/);
});

test('of two who change at once one is told, and a change that says not of which version is refused', async () => {
  const made = await admin.ask('users', { method: 'POST', body: { name: 'bob' } });
  const etag = made.headers.get('etag') ?? '';
  const both = await Promise.all(
    ['viewer', 'billing'].map((role) => change('users/bob', { role }, { 'if-match': etag })),
  );
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 412]);
  const late = await change('users/bob', { role: 'viewer' }, { 'if-match': etag });
  assert.deepEqual([late.status, late.body.code], [412, 'precondition_failed']);
  const blind = await change('users/bob', { role: 'viewer' });
  assert.deepEqual([blind.status, blind.body.code], [428, 'precondition_required']);
  assert.equal((await change('users/bob', { role: 'viewer' }, { 'if-match': '*' })).status, 200);
  const removed = await admin.ask('users/bob', { method: 'DELETE', headers: { 'if-match': etag } });
  assert.equal(removed.status, 412);
});

test('what is there already, or names what is not, is refused with its reason', async () => {
  await admin.ask('users', { method: 'POST', body: { name: 'carol' } });
  const again = await admin.ask('users', { method: 'POST', body: { name: 'carol' } });
  assert.deepEqual([again.status, again.body.code], [409, 'conflict']);
  const nowhere = await admin.ask('users', { method: 'POST', body: { name: 'dan', team: 'none' } });
  assert.equal(nowhere.status, 400);
  assert.match(nowhere.body.detail, /no team "none"/);
  for (const body of [
    {},
    { name: 'a b' },
    { name: 'eve', role: 'king' },
    { name: 'eve', more: 1 },
    [],
    null,
  ]) {
    const refused = await admin.ask('users', { method: 'POST', body });
    assert.equal(refused.status, 400, JSON.stringify(body));
    assert.equal(refused.headers.get('content-type'), 'application/problem+json');
  }
});

test('listings come in pages that follow one another, each with a link to the next', async () => {
  const names = Array.from({ length: 7 }, (_, index) => `paged-${index}`);
  for (const name of names) await admin.ask('teams?tenant=lab', { method: 'POST', body: { name } });
  const seen: string[] = [];
  let path: string | undefined = 'teams?tenant=lab&limit=3';
  let pages = 0;
  while (path !== undefined) {
    const page = await admin.ask(path);
    assert.equal(page.status, 200);
    assert.ok(page.body.items.length <= 3);
    seen.push(...page.body.items.map(({ name }: { name: string }) => name));
    const link = page.headers.get('link');
    assert.equal(link === null, page.body.next === undefined);
    path = link === null ? undefined : `teams${/^<(.*)>; rel="next"$/.exec(link)?.[1]}`;
    pages += 1;
  }
  assert.deepEqual(
    seen.filter((name) => name.startsWith('paged-')),
    names,
  );
  assert.ok(pages >= 3);
  for (const query of ['limit=0', 'limit=501', 'after=nonsense', 'aftr=x']) {
    assert.equal((await admin.ask(`teams?tenant=lab&${query}`)).status, 400, query);
  }
});

test('API1: a tenant’s people see their own, whatever they ask for; others do not exist', async () => {
  await admin.ask('users?tenant=acme', { method: 'POST', body: { name: 'own' } });
  await admin.ask('users?tenant=lab', { method: 'POST', body: { name: 'theirs' } });
  const as = keyOf('acme', 'owner');
  const own = await admin.ask('users', { as });
  assert.deepEqual([...new Set(own.body.items.map(({ tenant }: { tenant: string }) => tenant))], ['acme']);
  assert.equal((await admin.ask('users/own', { as })).status, 200);
  assert.equal((await admin.ask('users/own?tenant=acme', { as })).status, 200);
  for (const path of ['users/theirs', 'users/theirs?tenant=lab', 'users?tenant=lab', 'tenants/lab']) {
    assert.equal((await admin.ask(path, { as })).status, 404, path);
  }
  const tenants = await admin.ask('tenants', { as });
  assert.deepEqual(
    tenants.body.items.map(({ name }: { name: string }) => name),
    ['acme'],
  );
  const everywhere = await admin.ask('users');
  assert.ok(everywhere.body.items.some(({ tenant }: { tenant: string }) => tenant === 'lab'));
  const made = await admin.ask('users', { as, method: 'POST', body: { name: 'mine' } });
  assert.equal(made.body.tenant, 'acme');
  assert.equal((await admin.ask('users/theirs?tenant=lab', { as, method: 'DELETE' })).status, 404);
  assert.equal((await admin.ask('users/theirs?tenant=lab')).status, 200, 'it is still there');
});

test('nobody gives a role above his own, nor changes who has one', async () => {
  const as = keyOf('acme', 'admin');
  const chief = await admin.ask('users?tenant=acme', {
    method: 'POST',
    body: { name: 'chief', role: 'owner' },
  });
  assert.equal(chief.status, 201);
  const made = await admin.ask('users', { as, method: 'POST', body: { name: 'helper', role: 'admin' } });
  assert.equal(made.status, 201);
  const above = await admin.ask('users', { as, method: 'POST', body: { name: 'boss', role: 'owner' } });
  assert.equal(above.status, 403);
  const anyVersion = { 'if-match': '*' };
  const tries = [
    { path: 'users/helper', method: 'PATCH', body: { role: 'owner' } },
    { path: 'users/chief', method: 'PATCH', body: { role: 'viewer' } },
    { path: 'users/chief', method: 'DELETE', body: undefined },
  ];
  for (const { path, ...rest } of tries) {
    assert.equal((await admin.ask(path, { as, headers: anyVersion, ...rest })).status, 403, path);
  }
});

test('whoever may not change an owner does not do it by his team or tenant either', async () => {
  const made: readonly (readonly [string, unknown])[] = [
    ['tenants', { name: 'guild' }],
    ['teams?tenant=guild', { name: 'board' }],
    ['teams?tenant=guild', { name: 'crew' }],
    ['users?tenant=guild', { name: 'master', team: 'board', role: 'owner' }],
    ['users?tenant=guild', { name: 'hand', team: 'crew', role: 'developer' }],
    ['teams', { name: 'keyed' }],
    ['keys', { name: 'keyed-owner', team: 'keyed', role: 'owner' }],
    ['users', { name: 'owner-person', role: 'viewer' }],
  ];
  for (const [path, body] of made) {
    assert.equal((await admin.ask(path, { method: 'POST', body })).status, 201, path);
  }
  const as = keyOf('default', 'admin');
  const off = { as, method: 'PATCH', headers: { 'if-match': '*' }, body: { active: false } };
  const gone = { as, method: 'DELETE' };
  for (const path of [
    'teams/board?tenant=guild',
    'tenants/guild',
    // Of a key of the store, and of two of the configuration.
    'teams/keyed',
    'users/owner-person',
    'tenants/acme',
  ]) {
    for (const given of [off, gone]) {
      const { status, body } = await admin.ask(path, given);
      assert.deepEqual([status, body.code], [403, 'forbidden'], `${given.method} ${path}`);
      assert.match(body.detail, /may not give, change or take away the role owner/);
    }
    assert.equal((await admin.ask(path)).body.active, true, path);
  }
  // What locks nobody out is an admin's as before, and an owner does all of it.
  assert.equal((await admin.ask('teams/crew?tenant=guild', off)).status, 200);
  assert.equal((await admin.ask('teams/crew?tenant=guild', gone)).status, 204);
  assert.equal((await admin.ask('tenants/guild', { ...off, body: { keepContentDays: 1 } })).status, 200);
  const owner = { as: keyOf('default', 'owner') };
  assert.equal((await admin.ask('teams/board?tenant=guild', { ...off, ...owner })).status, 200);
  assert.equal((await admin.ask('tenants/guild', { ...gone, ...owner })).status, 204);
  assert.equal((await admin.ask('users/owner-person', { ...gone, ...owner })).status, 204);
});

test('the tenant that runs the gateway stays, and a tenant does not switch itself off', async () => {
  assert.equal((await admin.ask('tenants/default', { method: 'DELETE' })).status, 409);
  assert.equal((await change('tenants/default', { active: false }, { 'if-match': '*' })).status, 409);
  const as = keyOf('acme', 'owner');
  const headers = { 'if-match': '*' };
  const kept = await admin.ask('tenants/acme', {
    as,
    method: 'PATCH',
    headers,
    body: { keepContentDays: 30 },
  });
  assert.deepEqual([kept.status, kept.body.keepContentDays], [200, 30]);
  const off = await admin.ask('tenants/acme', { as, method: 'PATCH', headers, body: { active: false } });
  assert.equal(off.status, 403);
  assert.equal((await admin.ask('tenants/acme', { as, method: 'DELETE' })).status, 403);
  assert.equal((await admin.ask('tenants', { as, method: 'POST', body: { name: 'more' } })).status, 403);
});

test('whoever has a name as long as names may be is shown, changed and removed by it', async () => {
  const name = `${'é'.repeat(244)}@example.org`;
  const path = `users/${encodeURIComponent(name)}`;
  assert.equal((await admin.ask('users', { method: 'POST', body: { name } })).status, 201);
  assert.equal((await admin.ask(path)).body.name, name);
  assert.equal((await change(path, { role: 'viewer' }, { 'if-match': '*' })).status, 200);
  assert.equal((await admin.ask(path, { method: 'DELETE' })).status, 204);
  const tooLong = await admin.ask(`users/${'u'.repeat(257)}`);
  assert.deepEqual([tooLong.status, tooLong.body.code], [400, 'invalid_request']);
});

test('nobody is called as no path may end: he could not be shown or removed again', async () => {
  for (const name of ['.', '..']) {
    const { status, body } = await admin.ask('users', { method: 'POST', body: { name } });
    assert.deepEqual([status, body.code], [400, 'invalid_request']);
  }
});

test('a path that is none is answered as all else is: a problem that nobody keeps or guesses at', async () => {
  for (const path of ['users/%ZZ', `users/${'u'.repeat(5_000)}`]) {
    const { status, headers, body } = await admin.ask(path, { as: null });
    assert.deepEqual([body.status, body.code], [status, 'invalid_request']);
    assert.equal(headers.get('content-type'), 'application/problem+json');
    assert.equal(headers.get('cache-control'), 'no-store');
  }
});
