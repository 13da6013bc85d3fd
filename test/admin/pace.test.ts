/** One caller does not change, hash and audit without end, nor have all reports made for himself (G13). */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Asked, keyOf, openTestAdmin, roleKeys, type TestAdmin } from '../admin-rig.ts';
import { createHeldClock } from '../held-clock.ts';

async function open(t: TestContext, bounds: { changesPerMinute?: number; reportsAtOnce?: number }) {
  const clock = createHeldClock();
  const config = { keys: roleKeys('default') };
  const admin = await openTestAdmin({ clock, config, admin: bounds });
  t.after(() => admin.close());
  const person = { name: 'developer-person' };
  assert.equal((await admin.ask('users', { method: 'POST', body: person })).status, 201);
  return { admin, clock };
}

const as = keyOf('default', 'developer');
let made = 0;
const makeKey = (admin: TestAdmin, by = as): Promise<Asked> => {
  made += 1;
  return admin.ask('keys', { as: by, method: 'POST', body: { name: `made-${made}` } });
};

test('whoever has changed as much as one may in a minute is told when the next may come, and it may', async (t) => {
  const { admin, clock } = await open(t, { changesPerMinute: 6 });
  const tries: number[] = [];
  for (let at = 0; at < 6; at += 1) tries.push((await makeKey(admin)).status);
  assert.deepEqual(tries, [201, 201, 201, 201, 201, 201]);
  const refused = await makeKey(admin);
  assert.deepEqual([refused.status, refused.body.code], [429, 'rate_limited']);
  assert.equal(refused.headers.get('retry-after'), '10');
  assert.equal(refused.headers.get('content-type')?.split(';')[0], 'application/problem+json');
  assert.match(
    refused.body.detail,
    /may change 6 things a minute \(`admin.changesPerMinute`\): try again in 10 s/,
  );
  // Others are not held up, and he may read.
  assert.equal((await admin.ask('keys', { as })).status, 200);
  assert.equal((await makeKey(admin, keyOf('default', 'admin'))).status, 201);
  clock.advance(9_999);
  assert.equal((await makeKey(admin)).headers.get('retry-after'), '1');
  clock.advance(1);
  assert.equal((await makeKey(admin)).status, 201);
  assert.equal((await makeKey(admin)).headers.get('retry-after'), '10');
  const { body } = await admin.ask('audit?limit=100');
  const his = body.items.filter((item: { actor: string }) => item.actor === 'default-developer');
  assert.equal(
    his.length,
    14,
    'seven that were made, begun and done: nothing is written down of what was refused',
  );
});

test('a person with several keys is one caller, and so many reports are made for him at once', async (t) => {
  const { admin } = await open(t, { changesPerMinute: 2, reportsAtOnce: 1 });
  const { body } = await makeKey(admin);
  assert.equal((await makeKey(admin)).status, 201);
  assert.equal((await makeKey(admin, body.key)).status, 429);
  const { ledger } = admin.gateway.gateway.lasting.store;
  const { sum } = ledger;
  const { promise: goOn, resolve } = Promise.withResolvers<void>();
  const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>();
  Object.assign(ledger, {
    sum: async (...given: Parameters<typeof sum>) => {
      asked();
      await goOn;
      return await sum(...given);
    },
  });
  const billing = keyOf('default', 'billing');
  const first = admin.ask('usage', { as: billing });
  await isAsked;
  const second = await admin.ask('usage', { as: billing });
  assert.deepEqual(
    [second.status, second.body.code, second.headers.get('retry-after')],
    [429, 'rate_limited', '1'],
  );
  assert.match(second.body.detail, /1 reports made at once \(`admin.reportsAtOnce`\)/);
  resolve();
  assert.equal((await first).status, 200);
  assert.equal((await admin.ask('usage', { as: billing })).status, 200);
});
