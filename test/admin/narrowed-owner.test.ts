/** What a key was narrowed to it does not take away by the configuration either (G1, S4). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf, openTestAdmin, roleKeys } from '../admin-rig.ts';
import { simulator } from '../gateway.ts';

test('a key with scopes changes neither keys nor who is believed, whatever its role', async (t) => {
  const narrowed = {
    name: 'narrowed',
    key: 'sk-mr-narrowed-owner-c2f9a7d1e4b80356',
    role: 'owner',
    scopes: { addresses: ['127.0.0.0/8'] },
  };
  const keys = [...roleKeys('default'), narrowed];
  const admin = await openTestAdmin({ config: { keys, upstreams: simulator.upstreams } });
  t.after(() => admin.close());
  const text = (changes: object) => {
    const masked = keys.map((key) => ({ ...key, key: '***' }));
    return JSON.stringify({ upstreams: simulator.upstreams, keys: masked, ...changes });
  };
  const { scopes: _scopes, ...wide } = narrowed;
  const free = [...roleKeys('default'), wide].map((key) => ({ ...key, key: '***' }));
  const apply = (changes: object, as: string) =>
    admin.ask('config?force', {
      as,
      method: 'PUT',
      headers: { 'if-match': '*' },
      body: { text: text(changes) },
    });
  for (const changes of [{ keys: free }, { identity: { homeTenant: 'acme' } }]) {
    const { status, body } = await apply(changes, narrowed.key);
    assert.deepEqual([status, body.code], [403, 'forbidden'], JSON.stringify(body));
    assert.match(body.detail, /may not be changed by a key with scopes/);
  }
  assert.equal((await apply({ limits: [] }, narrowed.key)).status, 200);
  assert.equal((await apply({ keys: free }, keyOf('default', 'owner'))).status, 200);
});
