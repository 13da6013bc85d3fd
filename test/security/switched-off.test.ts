/** What is switched off opens nothing, whichever credential leads to it (G1). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestAdmin, type TestAdmin } from '../admin-rig.ts';
import { statusWith } from '../stored-keys.ts';

const configured = 'sk-mr-of-acme-in-the-configuration-7d2f';

async function open(t: { after(run: () => Promise<void>): void }) {
  const keys = [{ name: 'fixed', key: configured, tenant: 'acme', team: 'search', user: 'ada' }];
  const admin = await openTestAdmin({ config: { keys } });
  t.after(() => admin.close());
  const make = async (path: string, body: object) => {
    const made = await admin.ask(path, { method: 'POST', body });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    return made.body.key as string;
  };
  await make('tenants', { name: 'acme' });
  await make('teams?tenant=acme', { name: 'search' });
  await make('users?tenant=acme', { name: 'ada', team: 'search' });
  const team = await make('keys?tenant=acme', { name: 'of-team', team: 'search' });
  const user = await make('keys?tenant=acme', { name: 'of-user', user: 'ada' });
  const neither = await make('keys?tenant=acme', { name: 'of-neither' });
  return { admin, statuses: (): Promise<number[]> => statusesOf(admin, [team, user, neither, configured]) };
}

function statusesOf({ gateway }: TestAdmin, keys: readonly string[]): Promise<number[]> {
  return Promise.all(keys.map((key) => statusWith(gateway, key)));
}

async function change(admin: TestAdmin, path: string, active: boolean): Promise<void> {
  const changed = await admin.ask(path, { method: 'PATCH', headers: { 'if-match': '*' }, body: { active } });
  assert.equal(changed.status, 200, JSON.stringify(changed.body));
}

test('no key of a team that is switched off opens, neither its own nor its users’', async (t) => {
  const { admin, statuses } = await open(t);
  assert.deepEqual(await statuses(), [200, 200, 200, 200]);
  await change(admin, 'teams/search?tenant=acme', false);
  assert.deepEqual(await statuses(), [401, 401, 200, 403]);
  await change(admin, 'teams/search?tenant=acme', true);
  assert.deepEqual(await statuses(), [200, 200, 200, 200]);
});

test('a key of the configuration opens nothing of a tenant or user that is switched off', async (t) => {
  const { admin, statuses } = await open(t);
  await change(admin, 'users/ada?tenant=acme', false);
  assert.deepEqual(await statuses(), [200, 401, 200, 403]);
  await change(admin, 'users/ada?tenant=acme', true);
  await change(admin, 'tenants/acme', false);
  assert.deepEqual(await statuses(), [401, 401, 401, 403]);
});
