/** A9: whoever sends much with a change hides nothing of it from the audit log. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestAdmin } from '../admin-rig.ts';

test('A9: what a key was given is in the audit log, however many models it is narrowed to', async (t) => {
  const admin = await openTestAdmin();
  t.after(() => admin.close());
  const models = Array.from({ length: 200 }, (_, index) => `${index}-${'m'.repeat(200)}`);
  const body = { name: 'quiet', role: 'owner', scopes: { models } };
  const made = await admin.ask('keys', { method: 'POST', body });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { items } = (await admin.ask('audit?limit=20')).body;
  const found = items.find(
    ({ action, outcome }: Record<string, string>) => action === 'keys.create' && outcome === 'begun',
  );
  assert.equal(found.detail.draft.role, 'owner');
  assert.equal(found.detail.how, 'token');
  assert.ok(JSON.stringify(found.detail).length <= 8_192);
  assert.match(JSON.stringify(found.detail.draft.scopes), /more/, 'that something is left out is said');
});
