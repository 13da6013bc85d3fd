/** Changes of the directory that meet: what was revoked stays revoked, whatever is changed beside it (G1). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestAdmin } from '../admin-rig.ts';
import { statusWith } from '../stored-keys.ts';

test('a key that is revoked while somebody changes any version of it does not come back', async (t) => {
  const admin = await openTestAdmin();
  t.after(() => admin.close());
  for (let round = 0; round < 20; round += 1) {
    const name = `key-${round}`;
    const made = await admin.ask('keys', { method: 'POST', body: { name } });
    const [gone, changed] = await Promise.all([
      admin.ask(`keys/${name}`, { method: 'DELETE' }),
      admin.ask(`keys/${name}`, { method: 'PATCH', headers: { 'if-match': '*' }, body: { role: 'viewer' } }),
    ]);
    assert.equal(gone.status, 204);
    assert.equal(
      (await admin.ask(`keys/${name}`)).status,
      404,
      `round ${round}: PATCH said ${changed.status}`,
    );
    assert.equal(await statusWith(admin.gateway, made.body.key), 401);
  }
});
