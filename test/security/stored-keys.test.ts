// Keys in the store, by the front door of a gateway with the embedded database.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeKey } from '../../src/identity/api-key.ts';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway, type TestGatewayOptions } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { askWith, makeStoredKey, put, revoke, rotateStoredKey, statusWith } from '../stored-keys.ts';

async function openGateway(t: TestContext, options: TestGatewayOptions = {}): Promise<TestGateway> {
  const opened = await openTestGateway(options);
  t.after(() => opened.close());
  return opened;
}

test('G2, G3: a key opens when it is made, says whose it is, and opens no more when it is taken out', async (t) => {
  const gateway = await openGateway(t);
  await put(gateway, { kind: 'tenant', tenant: 'acme', name: '', active: true, keepContentDays: 0 });
  await put(gateway, { kind: 'team', tenant: 'acme', name: 'red', active: true });
  const ann = {
    kind: 'user',
    tenant: 'acme',
    name: 'ann',
    team: 'red',
    role: 'admin',
    service: false,
  } as const;
  await put(gateway, { ...ann, active: true });
  const key = await makeStoredKey(gateway, { tenant: 'acme', name: 'of-ann', user: 'ann' });
  assert.match(key, /^sk-mr-[0-9a-f]{46}$/);
  const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'simulator', max_tokens: 2, messages: [{ role: 'user', content: 'hi' }] }),
  });
  assert.equal(reply.status, 200, await reply.text());
  await until('the exchange has ended', () => gateway.exchangeLines.length > 0);
  const row = JSON.parse(gateway.exchangeLines.at(-1) ?? '{}') as Record<string, unknown>;
  assert.deepEqual([row['key'], row['tenant'], row['team'], row['user']], ['of-ann', 'acme', 'red', 'ann']);
  await gateway.gateway.lasting.followed.directory.remove({ kind: 'key', tenant: 'acme', name: 'of-ann' });
  assert.equal(await statusWith(gateway, key), 401);
});

test('a key is refused while its user or tenant is switched off, and may no more than its user', async (t) => {
  const gateway = await openGateway(t);
  const tenant = { kind: 'tenant', tenant: 'acme', name: '', active: true, keepContentDays: 0 } as const;
  const user = {
    kind: 'user',
    tenant: 'acme',
    name: 'ann',
    team: '',
    role: 'admin',
    service: false,
  } as const;
  await put(gateway, tenant);
  await put(gateway, { ...user, active: true });
  const key = await makeStoredKey(gateway, { tenant: 'acme', name: 'of-ann', user: 'ann', role: 'admin' });
  const told: number[] = [];
  for (const change of [
    {},
    { ...user, active: false },
    { ...user, active: true },
    { ...tenant, active: false },
    tenant,
    { ...user, active: true, role: 'billing' as const },
  ]) {
    if ('kind' in change) await put(gateway, change as Parameters<typeof put>[1]);
    told.push(await statusWith(gateway, key));
  }
  assert.deepEqual(told, [200, 401, 200, 401, 200, 403]);
});

test('rotation: the key before opens until the overlap is over, and not at all without one', async (t) => {
  const clock = createHeldClock();
  const gateway = await openGateway(t, { clock });
  const first = await makeStoredKey(gateway, { name: 'ci' });
  const second = await rotateStoredKey(gateway, 'ci', 60_000);
  assert.deepEqual([await statusWith(gateway, first), await statusWith(gateway, second)], [200, 200]);
  clock.advance(59_999);
  assert.equal(await statusWith(gateway, first), 200);
  clock.advance(1);
  assert.deepEqual([await statusWith(gateway, first), await statusWith(gateway, second)], [401, 200]);
  const third = await rotateStoredKey(gateway, 'ci', 0);
  assert.deepEqual([await statusWith(gateway, second), await statusWith(gateway, third)], [401, 200]);
});

test('a key opens until it expires, to the millisecond', async (t) => {
  const clock = createHeldClock();
  const gateway = await openGateway(t, { clock });
  const key = await makeStoredKey(gateway, { name: 'ci', expiresAtMs: clock.wall() + 3_600_000 });
  assert.equal(await statusWith(gateway, key), 200);
  clock.advance(3_599_999);
  assert.equal(await statusWith(gateway, key), 200);
  clock.advance(1);
  assert.equal(await statusWith(gateway, key), 401);
});

test('G2: the database, its log and the snapshot hold no key, and the log names none', async (t) => {
  const gateway = await openGateway(t);
  const keys = [await makeStoredKey(gateway, { name: 'one' }), await makeStoredKey(gateway, { name: 'two' })];
  keys.push(await rotateStoredKey(gateway, 'two', 60_000));
  for (const key of keys) assert.equal(await statusWith(gateway, key), 200);
  const { data } = gateway;
  const held = readdirSync(data)
    .filter((name) => name.startsWith('millrace.sqlite') || name.startsWith('keys-snapshot'))
    .map((name) => readFileSync(join(data, name), 'latin1'))
    .join('');
  assert.match(held, /directory/, 'it is there that they would be');
  const text = held + gateway.lines.join('\n');
  for (const key of keys) assert.ok(!text.includes(key) && !text.includes(key.slice(6, 46)));
  assert.ok(
    !held.includes(readFileSync(join(data, 'key-pepper'), 'utf8').trim()),
    'nor what they are hashed with',
  );
});

test('G2, C14: what is no key of ours is refused in no time, with no query and nothing kept', async (t) => {
  const gateway = await openGateway(t);
  await makeStoredKey(gateway, { name: 'ci' });
  const { directory } = gateway.gateway.lasting.store;
  let queries = 0;
  for (const name of ['find', 'page', 'changes'] as const) {
    t.mock.method(directory, name, () => {
      queries += 1;
      return Promise.reject(new Error('no request asks the store'));
    });
  }
  const real = makeKey();
  const corpus = [
    "' OR pg_sleep(8)--",
    "sk-mr-' OR pg_sleep(8)--",
    'sk-mr-',
    `${real}x`,
    real.slice(0, -1),
    real.toUpperCase(),
    `${real.slice(0, -6)}000000`,
    'sk-mr-\u00e9\u00e9',
    'x'.repeat(8_000),
    real,
  ];
  await statusWith(gateway, makeKey());
  for (const text of corpus) {
    const startMs = performance.now();
    const reply = await fetch(`${gateway.url}/v1/models`, { headers: { 'x-api-key': text } });
    const tookMs = performance.now() - startMs;
    assert.equal(reply.status, 401, text.slice(0, 40));
    assert.ok(tookMs < 50, `${text.slice(0, 40)} took ${tookMs} ms`);
    await reply.arrayBuffer();
  }
  const before = process.memoryUsage().heapUsed;
  for (let turn = 0; turn < 20_000; turn += 1) {
    assert.equal(gateway.gateway.lasting.followed.keys.find(makeKey()), undefined);
  }
  assert.ok(process.memoryUsage().heapUsed - before < 50e6);
  assert.equal(queries, 0);
});

test('where nobody ever made a key no database is opened and no file is made', async (t) => {
  const gateway = await openGateway(t);
  assert.equal(await statusWith(gateway, makeKey()), 401);
  assert.deepEqual(
    ['millrace.sqlite', 'key-pepper', 'keys-snapshot'].filter((name) => existsSync(join(gateway.data, name))),
    [],
  );
});

test('the last use of a key is known to the minute, and written off the path', async (t) => {
  const clock = createHeldClock();
  const gateway = await openGateway(t, { clock });
  const key = await makeStoredKey(gateway, { name: 'ci' });
  const uses = async () => (await gateway.gateway.lasting.store.keyUses.of('default', ['ci']))[0]?.usedAtMs;
  assert.equal((await askWith(gateway, key)).status, 200);
  assert.equal(await uses(), undefined);
  const usedAtMs = clock.wall();
  clock.advance(60_000);
  await until('it is written', async () => (await uses()) === usedAtMs);
});

test('P10: another pepper by a reload: keys made with the one before go on while it is named, and are told when not', async (t) => {
  const gateway = await openGateway(t);
  const own = await makeStoredKey(gateway, { name: 'own' });
  const [first, second] = ['first', 'second'].map((name) => `${name}-7Qz81mVhT2pLw0Xc9Rf5KsBn4Yd6Gj`);
  await gateway.reload({ identity: { pepper: first } });
  const older = await makeStoredKey(gateway, { name: 'older' });
  await gateway.reload({ identity: { pepper: second, previousPepper: first } });
  const newer = await makeStoredKey(gateway, { name: 'newer' });
  for (const key of [own, older, newer]) assert.equal(await statusWith(gateway, key), 200);
  await gateway.reload({ identity: { pepper: second } });
  assert.equal(await statusWith(gateway, newer), 200);
  const reply = await askWith(gateway, older);
  assert.equal(reply.status, 503, 'G5: it may be right, and nobody here can tell');
  assert.match(await reply.text(), /identity\.pepper/);
  assert.match(gateway.lines.join('\n'), /"keys":1.* were made with a pepper that is not known here/);
  await revoke(gateway, 'older');
  assert.equal(await statusWith(gateway, older), 401);
});
