/** What a tenant's own people may not do to a gateway that they share with others, whatever their role (G1, G6). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { keyOf, openTestAdmin, roleKeys, type TestAdmin } from '../admin-rig.ts';

const home = 'default';
const other = 'acme';
let admin: TestAdmin;

before(async () => {
  admin = await openTestAdmin({
    config: { keys: [...roleKeys(home), ...roleKeys(other)], operator: { beyondLoopback: true } },
  });
});
after(() => admin.close());

const statusOf = async (key: string, method: string, path: string, headers = {}): Promise<number> => {
  const reply = await fetch(`${admin.gateway.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    ...(method === 'GET' || method === 'HEAD' ? {} : { body: '{}' }),
  });
  await reply.arrayBuffer();
  return reply.status;
};

test('G1: models are changed by the people of the gateway alone: another tenant’s owner is nobody’s operator', async () => {
  const operating = admin.gateway.gateway.snapshot.routes.filter(
    ({ route }) => route.permission === 'operate',
  );
  assert.ok(operating.length >= 7);
  for (const { method, path } of operating) {
    const asked = path.replace('*', `sha256:${'0'.repeat(64)}`);
    for (const role of ['owner', 'admin', 'operator'] as const) {
      assert.equal(await statusOf(keyOf(other, role), method, asked), 403, `${role} ${method} ${asked}`);
      assert.notEqual(await statusOf(keyOf(home, role), method, asked), 403, `${role} ${method} ${asked}`);
    }
  }
});

test('G1: what the whole gateway counts is not for the people of one tenant', async () => {
  const away = { 'x-forwarded-for': '203.0.113.7' };
  for (const role of ['owner', 'admin', 'operator', 'viewer'] as const) {
    assert.equal(await statusOf(keyOf(other, role), 'GET', '/metrics', away), 403, role);
    assert.equal(await statusOf(keyOf(home, role), 'GET', '/metrics', away), 200, role);
  }
});
