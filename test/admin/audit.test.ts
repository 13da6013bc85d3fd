/** The audit log by the front doors: every change, every refusal, and nothing done that cannot be written down (A9, G6). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { api, changesSomething } from '../../src/admin/route.ts';
import type { AuditRecord } from '../../src/core/audit.ts';
import { keyOf, openTestAdmin, roleKeys, type TestAdmin } from '../admin-rig.ts';
import { until } from '../faults/rig.ts';
import { createHeldClock } from '../held-clock.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';

let postgres: PostgresServer;
let admin: TestAdmin;
const keys = [...roleKeys('default'), ...roleKeys('acme')];

before(async () => {
  postgres = await openPostgresServer();
  const upstreams = { shelf: { type: 'ollama', url: 'http://127.0.0.1:9' } };
  admin = await openTestAdmin({ config: { keys, upstreams, store: await postgres.createDatabase() } });
});
after(async () => {
  await admin.close();
  await postgres.stop();
});

type Item = Pick<AuditRecord, 'number' | 'actor' | 'tenant' | 'action' | 'object' | 'outcome' | 'detail'>;

async function audit(query = '', as?: string): Promise<Item[]> {
  const answer = await admin.ask(`audit${query}`, as === undefined ? {} : { as });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body.items;
}

const told = ({ actor, tenant, action, object, outcome }: Item) => [actor, tenant, action, object, outcome];

test('who changes what is another tenant’s is told apart from whoever has the same name there', async () => {
  const asHome = { as: keyOf('default', 'owner'), method: 'POST' };
  await admin.ask('teams?tenant=acme', { ...asHome, body: { name: 'named' } });
  await admin.ask('teams?tenant=default', { ...asHome, body: { name: 'named' } });
  const [, atHome, , away] = await audit('?limit=4');
  assert.deepEqual(
    [away?.tenant, away?.actor, away?.detail['actorTenant']],
    ['acme', 'default-owner', 'default'],
  );
  assert.deepEqual([atHome?.tenant, atHome?.detail['actorTenant']], ['default', undefined]);
});

test('every change is written down before and after, with who, what and whose', async () => {
  await admin.ask('tenants', { method: 'POST', body: { name: 'acme' } });
  const as = keyOf('acme', 'owner');
  await admin.ask('users', { as, method: 'POST', body: { name: 'ada', role: 'viewer' } });
  const headers = { 'if-match': '*' };
  await admin.ask('users/ada', { as, method: 'PATCH', headers, body: { role: 'billing' } });
  await admin.ask('users/none', { as, method: 'DELETE' });
  const items = await audit('?limit=8');
  assert.deepEqual(items.map(told).reverse(), [
    ['admin-token', 'default', 'tenants.create', 'acme', 'begun'],
    ['admin-token', 'default', 'tenants.create', 'acme', 'done'],
    ['acme-owner', 'acme', 'users.create', 'acme/ada', 'begun'],
    ['acme-owner', 'acme', 'users.create', 'acme/ada', 'done'],
    ['acme-owner', 'acme', 'users.change', 'acme/ada', 'begun'],
    ['acme-owner', 'acme', 'users.change', 'acme/ada', 'done'],
    ['acme-owner', 'acme', 'users.remove', 'acme/none', 'begun'],
    ['acme-owner', 'acme', 'users.remove', 'acme/none', 'failed'],
  ]);
  const [failed, , done, begun] = items;
  assert.deepEqual(begun?.detail, { change: { role: 'billing' }, how: 'key' });
  assert.deepEqual(done?.detail, { begun: begun.number });
  assert.equal(failed?.detail['code'], 'not_found');
});

test('a tenant’s people read their own records, and only those who may', async () => {
  const items = await audit('', keyOf('acme', 'admin'));
  assert.deepEqual([...new Set(items.map(({ tenant }) => tenant))], ['acme']);
  for (const role of ['operator', 'developer', 'viewer', 'billing'] as const) {
    assert.equal((await admin.ask('audit', { as: keyOf('acme', role) })).status, 403, role);
  }
  assert.equal((await admin.ask('audit?tenant=default', { as: keyOf('acme', 'owner') })).status, 404);
  assert.equal((await admin.ask('audit/verify', { as: keyOf('acme', 'owner') })).status, 403);
});

test('whoever asks for another tenant’s things is told that there are none, and it is on record', async () => {
  assert.equal((await admin.ask('users?tenant=default', { as: keyOf('acme', 'viewer') })).status, 404);
  const isTold = ({ actor, action, outcome }: Item) =>
    actor === 'acme-viewer' && action === 'users.list' && outcome === 'refused';
  await until('it is written', async () => (await audit()).some(isTold));
});

test('its pages go back to the beginning', async () => {
  const seen: number[] = [];
  let path: string | undefined = 'audit?limit=3';
  while (path !== undefined) {
    const page = await admin.ask(path);
    seen.push(...page.body.items.map(({ number }: Item) => number));
    const link: string | undefined = /^<(.*)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
    path = link === undefined ? undefined : `audit${link}`;
  }
  assert.deepEqual(
    seen,
    seen.map((_, index) => seen.length - index),
  );
  assert.ok(seen.length >= 8);
});

test('a reload is written down, a check of the configuration changes nothing and is not', async () => {
  assert.equal((await admin.ask('config/check', { method: 'POST' })).status, 200);
  assert.equal(
    (await admin.ask('config/reload', { method: 'POST', as: keyOf('default', 'operator') })).status,
    200,
  );
  const [done, begun] = await audit('?limit=2');
  assert.deepEqual(done && told(done), ['default-operator', 'default', 'config.reload', '', 'done']);
  assert.deepEqual(begun && told(begun), ['default-operator', 'default', 'config.reload', '', 'begun']);
});

test('what an operator changes on the fleet through the clients’ listener is written down as well', async () => {
  const { url } = admin.gateway;
  const call = (key: string) =>
    fetch(`${url}/api/copy`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ source: 'one', destination: 'two' }),
    });
  const before = (await audit('?limit=1'))[0]?.number ?? 0;
  assert.equal((await call(keyOf('default', 'developer'))).status, 403);
  assert.equal((await call(keyOf('default', 'operator'))).status, 502, 'nothing listens at that port');
  await until('its end is written', async () => (await audit('?limit=1'))[0]?.outcome === 'failed');
  const items = await audit('?limit=2');
  assert.deepEqual(items.map(told), [
    ['default-operator', 'default', 'ollama.copy', 'one', 'failed'],
    ['default-operator', 'default', 'ollama.copy', '', 'begun'],
  ]);
  assert.equal(items[1]?.number, before + 1, 'what was refused at once wrote nothing');
});

test('a flood of wrong credentials is a few records with their number', async (t) => {
  const clock = createHeldClock(Date.UTC(2026, 0, 1));
  const own = await openTestAdmin({ clock, config: { keys } });
  t.after(() => own.close());
  const wrong = () => own.ask('status', { as: 'mr-admin-wrong-0123456789abcdef0123456789' });
  const statuses = await Promise.all(Array.from({ length: 50 }, wrong));
  assert.ok(statuses.every(({ status }) => status === 401));
  await Promise.all(
    Array.from({ length: 30 }, () => own.ask('audit', { as: keyOf('default', 'developer') })),
  );
  const refused = async (): Promise<Item[]> =>
    (await own.ask('audit')).body.items.filter(({ outcome }: Item) => outcome === 'refused');
  await until('the first of each are kept', async () => (await refused()).length === 2);
  clock.advance(60_000);
  await until('the rest are counted', async () => (await refused()).length === 4);
  const counts = (await refused()).map(({ action, actor, detail }) => [action, actor, detail['more']]);
  assert.deepEqual(counts, [
    ['audit.list', 'default-developer', 29],
    ['admin.sign-in', '', 49],
    ['audit.list', 'default-developer', undefined],
    ['admin.sign-in', '', undefined],
  ]);
  assert.equal((await own.ask('status', { as: null })).status, 401);
  assert.equal((await refused()).length, 4, 'who sends no credential tried none');
});

test('A9: while it cannot be written nothing is changed, and what only reads goes on', async () => {
  const { number } = (await audit('?limit=1'))[0] ?? { number: 0 };
  postgres.kill();
  const tries = [
    admin.ask('users', { method: 'POST', body: { name: 'unseen' } }),
    admin.ask('users/ada?tenant=acme', { method: 'DELETE' }),
    admin.ask('config/reload', { method: 'POST' }),
  ];
  for (const refused of await Promise.all(tries)) {
    assert.deepEqual([refused.status, refused.body.code], [503, 'dependency_unavailable']);
    assert.match(refused.body.detail, /nothing was changed/);
    assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/);
  }
  assert.equal((await admin.ask('status')).status, 200);
  assert.equal((await admin.ask('config')).status, 200);
  const wrong = await admin.ask('status', { as: 'mr-admin-wrong-0123456789abcdef0123456789' });
  assert.equal(wrong.status, 401, 'who is refused is refused as ever');
  assert.equal((await admin.ask('audit', { as: keyOf('default', 'viewer') })).status, 403);
  await postgres.restart();
  await until('it is back', async () => (await admin.ask('audit')).status === 200);
  assert.equal((await admin.ask('users/unseen')).status, 404);
  assert.equal((await admin.ask('users/ada?tenant=acme')).status, 200);
  const since = (await audit()).filter((item) => item.number > number);
  assert.deepEqual(
    since.filter(({ outcome }) => outcome !== 'refused').map(told),
    [],
    'nor is anything said to have begun',
  );
  const unkept = admin.gateway.lines.filter((line) => line.includes('the audit log could not be written'));
  assert.ok(unkept.length >= 1, 'what could not be kept stands in the log');
});

test('the chain is proved over all of it, and by an anchor from the log of a gateway that stopped', async (t) => {
  const verdict = await admin.ask('audit/verify');
  assert.equal(verdict.body.sound, true);
  const store = await postgres.createDatabase();
  const first = await openTestAdmin({ config: { keys, store } });
  await first.ask('tenants', { method: 'POST', body: { name: 'acme' } });
  await first.close();
  const [, anchor] = /"anchor":"([^"]+)"/.exec(first.gateway.lines.join('\n')) ?? [];
  assert.match(anchor ?? '', /^2:[\w-]{43}$/);
  const second = await openTestAdmin({ config: { keys, store } });
  t.after(() => second.close());
  await second.ask('tenants', { method: 'POST', body: { name: 'lab' } });
  const [number, digest] = anchor?.split(':') ?? [];
  const proved = await second.ask(`audit/verify?number=${number}&digest=${digest}`);
  assert.deepEqual([proved.body.sound, proved.body.upTo.number], [true, 4]);
  const other = await second.ask(`audit/verify?number=1&digest=${digest}`);
  assert.deepEqual([other.body.sound, other.body.brokenAt], [false, 1]);
});

test('G6: every route that changes something writes down that it began, by the table', async (t) => {
  const own = await openTestAdmin({ config: { keys } });
  t.after(() => own.close());
  const changing = own.routes.filter(changesSomething);
  assert.ok(changing.length > 12);
  for (const { name, method, path, example } of changing) {
    const named = path.replace(/:(\w+)/g, (_, param: string) =>
      encodeURIComponent(example.params?.[param] ?? 'x'),
    );
    const query = new URLSearchParams(example.query).toString();
    const answer = await own.ask(`${named.slice(`${api}/`.length)}${query === '' ? '' : `?${query}`}`, {
      method,
      headers: { 'if-match': '*' },
      ...(example.body === undefined ? {} : { body: example.body }),
    });
    const isTaken = answer.status !== 400 || answer.body.code !== undefined;
    assert.ok(isTaken, `the example is one that the schemas take: ${name}: ${JSON.stringify(answer.body)}`);
    // Besides, a change of the configuration is a reload.
    const { body } = await own.ask('audit?limit=4');
    const [end, begun] = (body.items as Item[]).filter(({ action }) => action === name);
    assert.deepEqual([begun?.action, begun?.outcome], [name, 'begun']);
    assert.equal(end?.outcome, answer.status < 400 ? 'done' : 'failed', name);
  }
});

test('each day the log tells where the chain stands, and by that its past is proved later', async (t) => {
  const clock = createHeldClock(Date.UTC(2026, 0, 1));
  const own = await openTestAdmin({ clock, config: { keys } });
  t.after(() => own.close());
  const anchors = () =>
    own.gateway.lines.flatMap((line) => /"anchor":"(\d+):([\w-]{43})"/.exec(line)?.slice(1, 3).join() ?? []);
  clock.advance(86_400_000);
  assert.deepEqual(anchors(), [], 'nothing stands in the chain yet');
  await own.ask('tenants', { method: 'POST', body: { name: 'acme' } });
  clock.advance(86_399_999);
  assert.deepEqual(anchors(), []);
  clock.advance(1);
  assert.equal(anchors().length, 1);
  await own.ask('tenants', { method: 'POST', body: { name: 'lab' } });
  clock.advance(86_400_000);
  const days = anchors().map((anchor) => anchor.split(','));
  assert.deepEqual(
    days.map(([number]) => number),
    ['2', '4'],
  );
  for (const [number, digest] of days) {
    const verdict = await own.ask(`audit/verify?number=${number}&digest=${digest}`);
    assert.equal(verdict.body.sound, true, JSON.stringify(verdict.body));
    const other = await own.ask(`audit/verify?number=${number}&digest=${'A'.repeat(43)}`);
    assert.deepEqual([other.body.sound, other.body.brokenAt], [false, Number(number)]);
  }
});
