// Two replicas over PostgreSQL: one change with an `Idempotency-Key` is made once, whichever of them is asked and whatever becomes of it (C12).
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import pg from 'pg';
import { type Asked, keyOf, openTestAdmin, roleKeys, type TestAdmin } from '../admin-rig.ts';
import { openPlace, serve } from '../cli/gateway-process.ts';
import { until } from '../faults/rig.ts';
import { runMasterKey } from '../run-canary.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';

let postgres: PostgresServer;
before(async () => {
  postgres = await openPostgresServer();
});
after(() => postgres.stop());

const as = keyOf('default', 'owner');

async function openReplicas(t: TestContext) {
  const store = await postgres.createDatabase();
  const keys = [...roleKeys('default'), ...roleKeys('acme')];
  const config = { store, secrets: { masterKey: runMasterKey }, keys };
  const replicas: readonly [TestAdmin, TestAdmin] = [
    await openTestAdmin({ config }),
    await openTestAdmin({ config }),
  ];
  t.after(() => Promise.all(replicas.map((replica) => replica.close())));
  const client = new pg.Client({ connectionString: store });
  await client.connect();
  t.after(() => client.end());
  return { config, client, replicas };
}

function make(admin: TestAdmin, name: string, given: { key?: string; as?: string } = {}): Promise<Asked> {
  const { key = 'change-1', as: who = as } = given;
  return admin.ask('keys', { method: 'POST', body: { name }, as: who, headers: { 'idempotency-key': key } });
}

/** While it is held nobody writes to the directory: what is asked for is under way. */
async function holdDirectory(client: pg.Client): Promise<() => Promise<void>> {
  await client.query('begin');
  await client.query('lock table directory in share row exclusive mode');
  return async () => void (await client.query('rollback'));
}

const wasReplayed = ({ headers }: Asked) => headers.get('idempotent-replayed');

async function madeOf(admin: TestAdmin, name: string): Promise<number> {
  const { body } = await admin.ask('audit?limit=100');
  const isMade = (record: { action: string; object: string; outcome: string }) =>
    record.action === 'keys.create' && record.object.endsWith(name) && record.outcome === 'done';
  return body.items.filter(isMade).length;
}

test('C12: of twenty that come at once to two replicas one is made, the others are told to wait, and all get its answer in the end', async (t) => {
  const { client, replicas } = await openReplicas(t);
  const tenant = await replicas[0].ask('tenants', { method: 'POST', body: { name: 'acme' } });
  assert.equal(tenant.status, 201, 'and the tables are there');
  const release = await holdDirectory(client);
  let refused = 0;
  const early = Array.from({ length: 20 }, async (_, index) => {
    const asked = await make(replicas[index % 2 === 0 ? 0 : 1], 'ci');
    if (asked.status === 409) refused += 1;
    return asked;
  });
  await until('all but one are told to wait', () => refused === 19);
  await release();
  const made = (await Promise.all(early)).filter(({ status }) => status !== 409);
  assert.deepEqual(
    made.map((each) => [each.status, wasReplayed(each)]),
    [[201, null]],
  );
  for (const replica of replicas) {
    const again = await make(replica, 'ci');
    assert.deepEqual([again.status, wasReplayed(again), again.body], [201, 'true', made[0]?.body]);
    assert.equal((await make(replica, 'other')).status, 422);
    // Another tenant's same key is its own.
    const others = await make(replica, 'ci', { as: keyOf('acme', 'owner') });
    assert.deepEqual([others.status, wasReplayed(others)], [201, replica === replicas[0] ? null : 'true']);
    assert.notEqual(others.body.key, made[0]?.body.key);
  }
  assert.equal(await madeOf(replicas[0], 'ci'), 2, 'one for each tenant');
});

test('C12: what a killed gateway had made is told by the next one, and what it had only begun is made anew', async (t) => {
  const { client, config, replicas } = await openReplicas(t);
  const [survivor] = replicas;
  await using place = await openPlace();
  await place.write('millrace.yaml', JSON.stringify(config));
  const dying = await serve(['--config', 'millrace.yaml'], { place });
  const makeThere = async (name: string, key: string) => {
    const answer = await fetch(`${dying.ready.admin}/admin/api/v1/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${as}`, 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ name }),
    });
    return { status: answer.status, body: await answer.json() };
  };
  const done = await makeThere('done', 'k-done');
  assert.equal(done.status, 201, JSON.stringify(done.body));
  const release = await holdDirectory(client);
  const cut = assert.rejects(makeThere('begun', 'k-begun'));
  const claimed = "select 1 from replays where state = 'claimed'";
  await until('it is under way', async () => (await client.query(claimed)).rowCount === 1);
  assert.equal((await make(survivor, 'begun', { key: 'k-begun' })).status, 409);
  await dying.stop('SIGKILL');
  await cut;
  // The server finds out by itself when it writes to who is not there; here at once.
  await client.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
  );
  await release();
  const again = await make(survivor, 'done', { key: 'k-done' });
  assert.deepEqual([again.status, wasReplayed(again), again.body], [201, 'true', done.body]);
  const early = await make(survivor, 'begun', { key: 'k-begun' });
  assert.equal(early.status, 409, 'nobody can know yet that it has died');
  assert.match(early.body.code, /idempotency_in_flight/);
  // As if half a minute had gone by.
  await client.query("update replays set until_ms = until_ms - 30000 where state = 'claimed'");
  const anew = await make(survivor, 'begun', { key: 'k-begun' });
  assert.deepEqual([anew.status, wasReplayed(anew)], [201, null], JSON.stringify(anew.body));
  const told = await make(replicas[1], 'begun', { key: 'k-begun' });
  assert.deepEqual([told.status, wasReplayed(told), told.body], [201, 'true', anew.body]);
  assert.deepEqual([await madeOf(survivor, 'done'), await madeOf(survivor, 'begun')], [1, 1]);
});
