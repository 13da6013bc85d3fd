// A change through the admin API that carries an `Idempotency-Key` is made once (C12).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf, openTestAdmin, roleKeys } from '../admin-rig.ts';

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
