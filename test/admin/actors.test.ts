/** Who comes to the admin API with a token of an issuer, or signed in to the console, is held to the same tables as keys (G1, API1). */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { AdminRoute } from '../../src/admin/route.ts';
import { api } from '../../src/admin/route.ts';
import { roles } from '../../src/identity/options.ts';
import { reachOf } from '../../src/identity/permissions.ts';
import { openTestAdmin, type TestAdmin } from '../admin-rig.ts';
import { askAs, type ConsoleRig, openConsole, signIn } from '../identity/console-rig.ts';
import { cutOff, openHandMadeIssuer, trusting } from '../identity/hand-made-issuer.ts';

const home = 'default';

async function openTrusting(t: TestContext, { isAway = false } = {}) {
  const issuer = await openHandMadeIssuer();
  t.after(() => issuer.close());
  if (isAway) issuer.answer = cutOff;
  const claims = { tenant: 'org', roles: 'may' };
  // Nobody comes into the gateway's own tenant by a claim alone.
  const tenants = { [home]: home, acme: 'acme', lab: 'lab' };
  const changes = { claims, tenants, roles: Object.fromEntries(roles.map((role) => [`llm-${role}`, role])) };
  const admin = await openTestAdmin({ config: trusting(issuer, changes) });
  t.after(() => admin.close());
  for (const name of ['acme', 'lab']) await admin.ask('tenants', { method: 'POST', body: { name } });
  const tokenOf = (org: string, role: string) => issuer.sign({ org, may: [`llm-${role}`] });
  return { admin, issuer, tokenOf };
}

/** Rows of the API itself, asked for what is not there and with bodies that say nothing. */
const rowsOf = ({ routes }: TestAdmin) =>
  routes.filter(({ path, permission }) => path.startsWith(api) && permission !== 'public');
const pathOf = ({ path }: AdminRoute) => path.slice(api.length + 1).replace(/:\w+/g, 'no-such-thing');
const bodyOf = ({ method }: AdminRoute) => (method === 'GET' || method === 'DELETE' ? {} : { body: {} });

for (const org of [home, 'acme']) {
  test(`G1: a token of somebody of ${org} reaches with each role what the tables allow, and no more`, async (t) => {
    const { admin, tokenOf } = await openTrusting(t);
    for (const role of roles) {
      const as = await tokenOf(org, role);
      for (const row of rowsOf(admin)) {
        if (row.permission === 'public') continue;
        const { status } = await admin.ask(pathOf(row), { as, method: row.method, ...bodyOf(row) });
        const may = reachOf(role, row.permission) !== undefined && (row.scope === 'tenant' || org === home);
        assert.equal(status === 401, false, `${role}: ${row.name}`);
        if (!may) assert.equal(status, 403, `${role}: ${row.name}`);
        else if (role === 'owner') assert.notEqual(status, 403, row.name);
      }
    }
  });
}

test('a token changes things as its holder, who stands in the audit log; another tenant’s are not there (API1)', async (t) => {
  const { admin, tokenOf } = await openTrusting(t);
  const as = await tokenOf('acme', 'owner');
  const made = await admin.ask('teams', { as, method: 'POST', body: { name: 'red' } });
  assert.deepEqual([made.status, made.body.tenant], [201, 'acme']);
  await admin.ask('teams?tenant=lab', { method: 'POST', body: { name: 'blue' } });
  assert.deepEqual((await admin.ask('teams/blue', { as })).status, 404);
  for (const method of ['GET', 'DELETE'])
    assert.equal((await admin.ask('teams/blue?tenant=lab', { as, method })).status, 404, method);
  assert.deepEqual(
    (await admin.ask('teams', { as })).body.items.map(({ name }: { name: string }) => name),
    ['red'],
  );
  const [done] = (await admin.ask('audit?limit=50', { as })).body.items.filter(
    ({ action, outcome }: Record<string, string>) => action === 'teams.create' && outcome === 'done',
  );
  assert.deepEqual([done.actor, done.tenant, done.object], ['corp:alice', 'acme', 'acme/red']);
  assert.equal((await admin.ask('teams/blue?tenant=lab')).status, 200, 'it is still there');
});

test('G4: a token that is forged, has ended or is for another audience opens nothing of the admin API', async (t) => {
  const { admin, issuer } = await openTrusting(t);
  const owner = { org: home, may: ['llm-owner'] };
  const stranger = await openHandMadeIssuer();
  t.after(() => stranger.close());
  const nowS = Math.floor(Date.now() / 1000);
  for (const token of [
    await stranger.sign({ ...owner, iss: issuer.url }),
    await issuer.sign({ ...owner, aud: 'another' }),
    await issuer.sign({ ...owner, exp: nowS - 120 }),
    `${await issuer.sign(owner)}x`,
  ]) {
    assert.equal((await admin.ask('status', { as: token })).status, 401);
    const given = { as: token, method: 'POST', body: { name: 'mine' } };
    assert.equal((await admin.ask('tenants', given)).status, 401);
  }
  assert.equal((await admin.ask('status', { as: await issuer.sign(owner) })).status, 200);
});

test('G5: while the issuer is away a token of it is 503 here too, and the admin token goes on', async (t) => {
  const { admin, tokenOf } = await openTrusting(t, { isAway: true });
  const as = await tokenOf(home, 'owner');
  const away = await admin.ask('status', { as });
  assert.deepEqual([away.status, away.body.code], [503, 'dependency_unavailable']);
  assert.equal((await admin.ask('status')).status, 200);
});

async function signedIn(rig: ConsoleRig) {
  const { browser, page } = await signIn(rig);
  assert.equal(page.status, 200, page.text);
  const { csrf } = (await askAs(rig, browser, 'session')).body;
  return { browser, headers: { 'x-millrace-csrf': csrf as string } };
}

for (const role of roles) {
  test(`G1: ${role} of another tenant, signed in to the console, reaches what the tables allow, and changes nothing without csrf`, async (t) => {
    const rig = await openConsole(t, { tenant: 'acme', roles: { 'llm-admins': role } });
    const { browser, headers } = await signedIn(rig);
    for (const row of rowsOf(rig.admin)) {
      // This one would end the session of the test.
      if (row.permission === 'public' || row.name === 'session.end') continue;
      const given = { method: row.method, ...bodyOf(row) };
      const may = reachOf(role, row.permission) !== undefined && row.scope === 'tenant';
      const { status } = await askAs(rig, browser, pathOf(row), { ...given, headers });
      if (!may) assert.equal(status, 403, row.name);
      else if (role === 'owner') assert.ok(status !== 401 && status !== 403, `${row.name}: ${status}`);
      if (row.method === 'GET') continue;
      assert.equal((await askAs(rig, browser, pathOf(row), given)).status, 403, `${row.name} without csrf`);
    }
  });
}

test('API1: whoever is signed in sees and changes his tenant alone, whatever tenant he names', async (t) => {
  const rig = await openConsole(t, { tenant: 'acme', roles: { 'llm-admins': 'owner' } });
  for (const name of ['acme', 'lab']) await rig.admin.ask('tenants', { method: 'POST', body: { name } });
  await rig.admin.ask('users?tenant=lab', { method: 'POST', body: { name: 'bob' } });
  const { browser, headers } = await signedIn(rig);
  const made = await askAs(rig, browser, 'users', { method: 'POST', body: { name: 'ada' }, headers });
  assert.deepEqual([made.status, made.body.tenant], [201, 'acme']);
  assert.equal((await askAs(rig, browser, 'users/bob')).status, 404);
  for (const method of ['GET', 'DELETE'])
    assert.equal((await askAs(rig, browser, 'users/bob?tenant=lab', { method, headers })).status, 404);
  const { body } = await askAs(rig, browser, 'users');
  assert.deepEqual(
    body.items.map(({ name }: { name: string }) => name),
    ['ada'],
  );
  assert.equal((await rig.admin.ask('users/bob?tenant=lab')).status, 200, 'it is still there');
});
