/** Export and erasure by the front doors, on the embedded database: what a thief finds of somebody before and after. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { keyOf, openTestAdmin, roleKeys } from '../admin-rig.ts';
import { until } from '../faults/rig.ts';
import { openTestGateway } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { exchangesOf, makePerson, type Person, say, shipped } from './subjects.ts';

async function open(t: TestContext, config: object = {}) {
  const keys = [...roleKeys('acme'), ...roleKeys('default')];
  const admin = await openTestAdmin({ config: { keys, ...config } });
  t.after(() => admin.close());
  const { data } = admin.gateway;
  const ada = await makePerson(admin.ask, { tenant: 'acme', user: 'ada' });
  const namesake = await makePerson(admin.ask, { tenant: 'globex', user: 'ada' });
  const bob = await makePerson(admin.ask, { tenant: 'acme', user: 'bob' });
  for (const person of [ada, namesake, bob]) {
    await say(admin.gateway, person);
    await shipped(admin.gateway, person, 2);
  }
  return { admin, data, ada, namesake, bob };
}

const whereOf = ({ tenant, user }: Person) => ({ tenant, user });

/** Everything in the folder of the gateway. */
async function stolen(data: string): Promise<Buffer> {
  const files = await readdir(data, { recursive: true, withFileTypes: true });
  const found = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  return Buffer.concat(await Promise.all(found.map((path) => readFile(path))));
}

test('an erasure leaves nothing of somebody but what it names, and nothing changes for the namesake of another tenant', async (t) => {
  const { admin, data, ada, namesake, bob } = await open(t);
  assert.equal((await stolen(data)).includes(ada.canary), false, 'what is said is sealed');
  const { store, conversations } = admin.gateway.gateway.lasting;
  const wrapped = (await store.dataKeys.find(ada))?.wrapped ?? '';
  assert.ok((await stolen(data)).includes(wrapped));
  const answer = await admin.ask('privacy/erase?tenant=acme', { method: 'POST', body: { user: 'ada' } });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.deepEqual(answer.body.erased, {
    entries: 1,
    contents: 0,
    replays: 1,
    conversations: 1,
    exchanges: 2,
  });
  for (const { what, where, until, why } of answer.body.remains) assert.ok(what && where && until && why);
  assert.match(JSON.stringify(answer.body.remains), /audit log/);
  assert.doesNotMatch(JSON.stringify(answer.body.remains), /PostgreSQL|Redis\b.*written them anew/);
  assert.equal(await exchangesOf(admin.gateway, { tenant: 'acme', user: 'ada' }), 0);
  assert.equal(await exchangesOf(admin.gateway, { tenant: 'acme' }), 4, 'what was used stays');
  assert.equal((await admin.ask('users/ada?tenant=acme')).status, 404);
  assert.equal((await admin.ask('keys/ada-laptop?tenant=acme')).status, 404);
  assert.equal(await store.dataKeys.find(ada), undefined);
  assert.equal(
    (await stolen(data)).includes(wrapped),
    false,
    'not even in a free page, or in the write-ahead log',
  );
  for (const person of [namesake, bob]) {
    assert.equal(await exchangesOf(admin.gateway, whereOf(person)), 2);
    assert.equal((await conversations.list(person)).conversations.length, 1);
    assert.equal((await store.replayFacts.page(person, undefined, 10)).length, 1);
    await say(admin.gateway, person);
  }
});

test('an erasure may be asked for again, and of nobody; a person who comes back begins anew', async (t) => {
  const { admin, ada } = await open(t);
  const erase = (user: string) => admin.ask('privacy/erase?tenant=acme', { method: 'POST', body: { user } });
  await erase('ada');
  const nothing = { entries: 0, contents: 0, replays: 0, conversations: 0, exchanges: 0 };
  assert.deepEqual((await erase('ada')).body.erased, nothing);
  assert.deepEqual((await erase('nobody')).body.erased, nothing);
  const back = await makePerson(admin.ask, { tenant: 'acme', user: 'ada' });
  await say(admin.gateway, back);
  await shipped(admin.gateway, ada, 2);
});

test('a whole tenant goes with all its people, if it is named once more, by an owner', async (t) => {
  const { admin, namesake, bob } = await open(t);
  const erase = (body: object, as?: string) =>
    admin.ask(`privacy/erase${as === undefined ? '?tenant=acme' : ''}`, {
      method: 'POST',
      body,
      ...(as && { as }),
    });
  assert.equal((await erase({ wholeTenant: 'globex' })).status, 400);
  assert.equal((await erase({ wholeTenant: 'acme' }, keyOf('acme', 'admin'))).status, 403);
  assert.equal((await erase({ wholeTenant: 'default' }, keyOf('default', 'owner'))).status, 409);
  const gone = await erase({ wholeTenant: 'acme' }, keyOf('acme', 'owner'));
  assert.equal(gone.status, 200, JSON.stringify(gone.body));
  assert.deepEqual(gone.body.erased, { entries: 1, contents: 0, replays: 2, conversations: 2, exchanges: 4 });
  assert.match(JSON.stringify(gone.body.remains), /configuration file/);
  assert.equal(await exchangesOf(admin.gateway, { tenant: 'acme' }), 0);
  assert.equal(await exchangesOf(admin.gateway, {}), 6);
  assert.equal(await exchangesOf(admin.gateway, whereOf(namesake)), 2);
  assert.equal(await admin.gateway.gateway.lasting.store.dataKeys.find(bob), undefined);
});

test('G1, API1: nobody exports or erases people of another tenant, and no role but owner and admin any', async (t) => {
  const { admin, namesake } = await open(t);
  const body = { user: 'ada' };
  for (const path of ['privacy/export', 'privacy/erase']) {
    for (const role of ['operator', 'developer', 'viewer', 'billing'] as const) {
      assert.equal((await admin.ask(path, { as: keyOf('acme', role), method: 'POST', body })).status, 403);
    }
    const as = keyOf('acme', 'owner');
    assert.equal((await admin.ask(`${path}?tenant=globex`, { as, method: 'POST', body })).status, 404);
  }
  const own = await admin.ask('privacy/export', { as: keyOf('acme', 'admin'), method: 'POST', body });
  assert.equal(own.status, 200);
  assert.equal(JSON.stringify(own.body).includes(namesake.canary), false);
  assert.equal((await admin.ask('users/ada?tenant=globex')).status, 200);
});

test('an export has all that is kept of somebody, and nothing of anybody else', async (t) => {
  const { admin, ada, namesake, bob } = await open(t);
  const answer = await admin.ask('privacy/export?tenant=acme', { method: 'POST', body: { user: 'ada' } });
  assert.equal(answer.status, 200);
  const { directory, exchanges, conversations, replays, audit, ...rest } = answer.body;
  assert.deepEqual([rest.tenant, rest.user], ['acme', 'ada']);
  assert.deepEqual(
    directory.map(({ kind, name }: { kind: string; name: string }) => [kind, name]),
    [
      ['user', 'ada'],
      ['key', 'ada-laptop'],
    ],
  );
  assert.equal(exchanges.length, 2);
  assert.ok(exchanges.every(({ user, tenant }: typeof ada) => user === 'ada' && tenant === 'acme'));
  assert.equal(conversations.length, 1);
  assert.equal(conversations[0].messages[0].content, ada.canary);
  assert.deepEqual([replays.length, replays[0].key, replays[0].state], [1, 'once-ada', 'done']);
  const actions = audit.map(({ action }: { action: string }) => action);
  for (const action of ['users.create', 'keys.create', 'privacy.export']) assert.ok(actions.includes(action));
  const text = JSON.stringify(answer.body);
  for (const secret of [ada.key, bob.canary, namesake.canary, 'digest":"hmac', 'bob']) {
    assert.equal(text.includes(secret), false, secret);
  }
  assert.equal(JSON.stringify(directory).includes('igest'), false);
});

test('an export of a tenant has everybody in it, also whom no directory knows, and is an owner’s alone', async (t) => {
  const { admin, ada, namesake, bob } = await open(t);
  const nobodys = {
    ...ada,
    user: '',
    key: keyOf('acme', 'developer'),
    canary: `canary-${crypto.randomUUID()}`,
  };
  const answer = await fetch(`${admin.gateway.url}/chat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${nobodys.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ message: nobodys.canary }),
  });
  assert.equal(answer.status, 200, await answer.text());
  await shipped(admin.gateway, { ...ada, user: 'developer-person' }, 1);
  const ask = (wholeTenant: string, as?: string) =>
    admin.ask(`privacy/export${as === undefined ? '?tenant=acme' : ''}`, {
      method: 'POST',
      body: { wholeTenant },
      ...(as && { as }),
    });
  assert.equal((await ask('globex')).status, 400);
  assert.equal((await ask('acme', keyOf('acme', 'admin'))).status, 403);
  const given = await ask('acme', keyOf('acme', 'owner'));
  assert.equal(given.status, 200);
  const { directory, exchanges, conversations, replays, audit, ...rest } = given.body;
  assert.deepEqual([rest.tenant, 'user' in rest], ['acme', false]);
  assert.deepEqual(
    directory.map(({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`),
    ['tenant ', 'user ada', 'user bob', 'key ada-laptop', 'key bob-laptop'],
  );
  assert.equal(exchanges.length, 5);
  const said = conversations.map(({ user, messages }: { user: string; messages: { content: string }[] }) => [
    user,
    messages[0]?.content,
  ]);
  assert.deepEqual(said.toSorted(), [
    ['ada', ada.canary],
    ['bob', bob.canary],
    ['developer-person', nobodys.canary],
  ]);
  assert.deepEqual(replays.map(({ user, key }: { user: string; key: string }) => [user, key]).toSorted(), [
    ['ada', 'once-ada'],
    ['bob', 'once-bob'],
  ]);
  assert.ok(
    audit.some(
      ({ action, object }: Record<string, string>) => action === 'privacy.export' && object === 'acme',
    ),
  );
  const text = JSON.stringify(given.body);
  for (const secret of [ada.key, bob.key, namesake.canary]) {
    assert.equal(text.includes(secret), false, secret);
  }
  assert.equal(JSON.stringify(directory).includes('igest'), false);
});

test('the ledger is shortened where the operator says so, and its sums stay', async (t) => {
  const { admin, ada } = await open(t, { privacy: { ledgerDays: 1 } });
  const { store, privacy } = admin.gateway.gateway.lasting;
  const { aRow } = await import('../conformance/ledger.ts');
  await store.ledger.append([aRow({ ...whereOf(ada), atMs: Date.now() - 3 * 86_400_000 })]);
  assert.equal(await privacy.shortenLedger(), true);
  const question = { fromDay: '2020-01-01', toDay: '2100-01-01', where: whereOf(ada), rowsMax: 10 };
  assert.equal((await store.ledger.page(question)).rows.length, 2);
  assert.equal(await exchangesOf(admin.gateway, whereOf(ada)), 3);
});

test('an erasure that a crash broke off is ended after the next start', async (t) => {
  const { admin, data, ada } = await open(t);
  const { store } = admin.gateway.gateway.lasting;
  await store.erasures.postpone(await store.erasures.begin(whereOf(ada), 300_000), 0);
  const copy = await mkdtemp(join(tmpdir(), 'millrace-crashed-'));
  await cp(data, copy, { recursive: true });
  const clock = createHeldClock(Date.now() + 1_000);
  const next = await openTestGateway({ data: copy, clock });
  t.after(async () => {
    await next.close();
    await rm(copy, { recursive: true });
  });
  assert.equal(await exchangesOf(next, whereOf(ada)), 2);
  clock.advance(90_000);
  await until('nobody’s name stands at them', async () => (await exchangesOf(next, whereOf(ada))) === 0);
  assert.equal(await next.gateway.lasting.store.dataKeys.find(ada), undefined);
});
