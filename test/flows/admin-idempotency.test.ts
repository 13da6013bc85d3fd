// A change through the admin API that carries an `Idempotency-Key` is made once (C12).
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { keyOf, openTestAdmin, roleKeys } from '../admin-rig.ts';
import { createHeldClock } from '../held-clock.ts';

const dayMs = 24 * 60 * 60 * 1_000;
const key = { 'idempotency-key': 'change-1' };

test('C12: what was made is told again and not made again; a mistake keeps no key; others have their own', async (t) => {
  const admin = await openTestAdmin({ config: { keys: [...roleKeys('default'), ...roleKeys('acme')] } });
  t.after(() => admin.close());
  const make = (name: string, given: { as?: string; headers?: Record<string, string> } = {}) =>
    admin.ask('tenants', { method: 'POST', body: { name }, headers: key, ...given });
  const refused = await make('!');
  assert.equal(refused.status, 400);
  const first = await make('mill');
  assert.deepEqual([first.status, first.headers.get('idempotent-replayed')], [201, null]);
  const again = await make('mill');
  assert.deepEqual([again.status, again.headers.get('idempotent-replayed')], [201, 'true']);
  assert.deepEqual(again.body, first.body);
  assert.equal(
    (await make('mill', { headers: {} })).status,
    409,
    'without a key it is made anew, and is there',
  );
  assert.equal((await make('other')).status, 422);
  assert.equal(
    (await make('mill', { as: keyOf('default', 'owner') })).status,
    422,
    'it is not told to others',
  );
  assert.equal(
    (await make('mill', { as: keyOf('acme', 'owner') })).status,
    403,
    'who may not is not told either',
  );
  const audited = await admin.ask('audit?limit=100');
  const made = audited.body.items.filter(
    (record: { action: string; object: string }) =>
      record.action === 'tenants.create' && record.object === 'mill',
  );
  assert.equal(made.filter(({ outcome }: { outcome: string }) => outcome === 'done').length, 1);
});

test('C12: of ten that come at once one is made; after 24 hours the key is new; another tenant has his own', async (t) => {
  const clock = createHeldClock(Date.now());
  const admin = await openTestAdmin({
    clock,
    config: { keys: [...roleKeys('default'), ...roleKeys('acme')] },
  });
  t.after(() => admin.close());
  const make = (tenant: string, name = 'ci') => {
    const as = keyOf(tenant, 'owner');
    return admin.ask('keys', { method: 'POST', body: { name }, headers: key, as });
  };
  assert.equal((await admin.ask('tenants', { method: 'POST', body: { name: 'acme' } })).status, 201);
  const early = await Promise.all(Array.from({ length: 10 }, () => make('default')));
  const made = early.filter(({ headers, status }) => status === 201 && !headers.has('idempotent-replayed'));
  assert.equal(made.length, 1);
  for (const each of early.filter((one) => one !== made[0])) {
    if (each.status === 409) assert.equal(each.body.code, 'idempotency_in_flight');
    else assert.deepEqual(each.body, made[0]?.body);
  }
  const others = await make('acme');
  assert.deepEqual([others.status, others.headers.get('idempotent-replayed')], [201, null]);
  assert.notEqual(others.body.key, made[0]?.body.key);
  assert.equal((await make('acme', 'other')).status, 422);
  clock.sleep(dayMs - 1_000);
  assert.deepEqual((await make('default')).body, made[0]?.body);
  clock.sleep(1_000);
  const anew = await make('default');
  assert.deepEqual([anew.status, anew.body.code], [409, 'conflict'], 'it is asked anew, and is there');
  const other = await make('default', 'other');
  assert.deepEqual([other.status, other.headers.get('idempotent-replayed')], [201, null]);
});

test('C12, G8: a key that was made is told again to whoever made it alone, and lies nowhere as it is', async (t) => {
  const keys = roleKeys('default');
  const admin = await openTestAdmin({ config: { keys } });
  t.after(() => admin.close());
  const given = { method: 'POST', body: { name: 'ci' }, headers: key };
  // One that has the name of another actor, and not what he may.
  const namesake = { name: 'admin-token', role: 'developer' };
  const made = await admin.ask('keys', { method: 'POST', body: namesake });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const first = await admin.ask('keys', given);
  assert.equal(first.status, 201);
  assert.match(first.body.key, /^sk-mr-[0-9a-f]{46}$/);
  const again = await admin.ask('keys', given);
  assert.deepEqual([again.headers.get('idempotent-replayed'), again.body], ['true', first.body]);
  for (const as of [keyOf('default', 'owner'), keyOf('default', 'developer'), made.body.key]) {
    const other = await admin.ask('keys', { ...given, as });
    assert.ok([409, 422].includes(other.status), `${other.status}`);
    assert.equal(JSON.stringify(other.body).includes(first.body.key), false);
  }
  const files = await readdir(admin.gateway.data, { recursive: true, withFileTypes: true });
  const kept = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  assert.ok(kept.some((path) => path.endsWith('.sqlite-wal')));
  for (const path of kept)
    assert.equal((await readFile(path, 'latin1')).includes(first.body.key), false, path);
});
