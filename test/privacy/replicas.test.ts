/** Erasure at one of two gateways that share PostgreSQL and Redis, and what holds while either is away. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import pg from 'pg';
import { openTestAdmin } from '../admin-rig.ts';
import { until } from '../faults/rig.ts';
import { openTestGateway } from '../gateway.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { openOperator } from '../stores/redis-rig.ts';
import { exchangesOf, makePerson, say, shipped } from './subjects.ts';

let redis: RedisServer;
let postgres: PostgresServer;

before(async () => {
  [redis, postgres] = await Promise.all([openRedisServer(), openPostgresServer()]);
});
after(() => Promise.all([redis.stop(), postgres.stop()]));

async function open(t: TestContext) {
  const store = await postgres.createDatabase();
  const identity = { pepper: 'x7Qz81mVhT2pLw0Xc9Rf5KsBn4Yd6GjEa' };
  const config = { store, shared: redis.url, identity };
  const admin = await openTestAdmin({ config });
  t.after(() => admin.close());
  const other = await openTestGateway({ config });
  t.after(() => other.close());
  const ada = await makePerson(admin.ask, { tenant: 'acme', user: 'ada' });
  const namesake = await makePerson(admin.ask, { tenant: 'globex', user: 'ada' });
  await until('the other knows the keys', async () => {
    const reply = await fetch(`${other.url}/v1/models`, {
      headers: { authorization: `Bearer ${namesake.key}` },
    });
    await reply.arrayBuffer();
    return reply.status === 200;
  });
  const erase = () => admin.ask('privacy/erase?tenant=acme', { method: 'POST', body: { user: 'ada' } });
  return { admin, store, other, ada, namesake, erase };
}

/** Every value of every table, as a dump would have it. */
async function dump(store: string): Promise<string> {
  const client = new pg.Client({ connectionString: store });
  await client.connect();
  try {
    const { rows: tables } = await client.query(
      "select tablename from pg_tables where schemaname = 'public'",
    );
    const all: string[] = [];
    for (const { tablename } of tables) {
      const { rows } = await client.query(`select to_jsonb(t)::text as row from "${tablename}" t`);
      all.push(...rows.map(({ row }) => `${tablename} ${row}`));
    }
    return all.join('\n');
  } finally {
    await client.end();
  }
}

test('what another gateway was just told is shown and exported, although it has yet to be written', async (t) => {
  const { admin, other, ada } = await open(t);
  const kept = { method: 'PATCH', headers: { 'if-match': '*' }, body: { keepContentDays: 7 } };
  assert.equal((await admin.ask('tenants/acme', kept)).status, 200);
  await until('the other knows of it', () => other.gateway.lasting.privacy.daysOf('acme') === 7);
  const reply = await fetch(`${other.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ada.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'simulator', messages: [{ role: 'user', content: 'hi' }] }),
  });
  await reply.text();
  const id = reply.headers.get('x-millrace-id') ?? '';
  const body = { user: 'ada' };
  const isShown = async () => (await admin.ask(`contents/${id}?tenant=acme`)).status === 200;
  const isExported = async () => {
    const told = await admin.ask('privacy/export?tenant=acme', { method: 'POST', body });
    return JSON.stringify(told.body.contents).includes(id);
  };
  // A database on a busy machine may take its time: each of these waits, so that three are soon enough.
  const within3 = async (ask: () => Promise<boolean>) => (await ask()) || (await ask()) || (await ask());
  assert.deepEqual(await Promise.all([within3(isShown), within3(isExported)]), [true, true]);
});

test('what is said at two gateways is sealed in both stores, and erased at one it is gone at both', async (t) => {
  const { admin, store, other, ada, namesake, erase } = await open(t);
  const operator = await openOperator(redis.url);
  t.after(() => operator.destroy());
  const inRedis = async () => {
    const keys = await operator.keys('millrace:{conversations}:kept:*');
    return await Promise.all(keys.map(async (key) => `${key} ${await operator.get(key)}`));
  };
  await say(admin.gateway, ada);
  const id = await say(other, namesake);
  await shipped(other, ada, 2);
  await shipped(other, namesake, 2);
  assert.equal((await inRedis()).length, 2);
  const words = [await dump(store), ...(await inRedis())].join('\n');
  const hex = Buffer.from(ada.canary).toString('hex');
  for (const canary of [ada.canary, hex, Buffer.from(ada.canary).toString('base64url')]) {
    assert.equal(words.includes(canary), false);
  }
  const answer = await erase();
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.deepEqual(answer.body.erased, {
    entries: 1,
    contents: 0,
    replays: 1,
    conversations: 1,
    exchanges: 2,
  });
  assert.match(JSON.stringify(answer.body.remains), /files of PostgreSQL.*files and replicas of Redis/);
  assert.equal((await inRedis()).length, 1);
  const left = (await dump(store))
    .split('\n')
    .filter((row) => /"(?:acme\/)?ada(?:-laptop)?"/.test(row) && row.includes('acme'));
  // What is told to remain: the audit log, the name of what was removed, and the erasure until nothing comes late.
  assert.deepEqual([...new Set(left.map((row) => row.split(' ')[0]))].sort(), [
    'audit',
    'directory',
    'erasures',
  ]);
  await until('her key opens nothing at the other', async () => {
    const reply = await fetch(`${other.url}/v1/models`, { headers: { authorization: `Bearer ${ada.key}` } });
    await reply.arrayBuffer();
    return reply.status === 401;
  });
  const { conversations } = other.gateway.lasting;
  assert.equal((await conversations.read(namesake, id)).length, 2);
  assert.equal(await exchangesOf(other, { tenant: 'acme' }), 2);
});

test('DP9: with the store away nothing is erased, and it is told: 503', async (t) => {
  const { admin, ada, erase } = await open(t);
  await say(admin.gateway, ada);
  await shipped(admin.gateway, ada, 2);
  postgres.kill();
  const refused = await erase();
  assert.equal(refused.status, 503);
  assert.equal(refused.body.code, 'dependency_unavailable');
  await postgres.restart();
  await until('the store is back', async () => (await admin.ask('users/ada?tenant=acme')).status === 200);
  assert.equal(await exchangesOf(admin.gateway, { tenant: 'acme', user: 'ada' }), 2);
});

test('DP1: with Redis away an erasure that has begun says so, and any gateway ends it when Redis is back', async (t) => {
  const { admin, store, other, ada, erase } = await open(t);
  await say(admin.gateway, ada);
  await shipped(admin.gateway, ada, 2);
  redis.kill();
  const refused = await erase();
  assert.equal(refused.status, 503);
  assert.match(refused.body.detail, /the erasure has begun and has not ended.*goes on by itself/);
  // Her words can be read by nobody from here on, wherever they lie.
  assert.equal(await admin.gateway.gateway.lasting.store.dataKeys.find(ada), undefined);
  await redis.restart();
  await until('another gateway has ended it', async () => {
    await soon(store);
    await other.gateway.lasting.privacy.goOn().catch(() => undefined);
    return (await exchangesOf(other, { tenant: 'acme', user: 'ada' })) === 0;
  });
});

test('what arrives in the ledger after an erasure loses its names too, and what a newcomer does keeps them', async (t) => {
  const { admin, store, other, erase } = await open(t);
  await erase();
  const { ledger } = admin.gateway.gateway.lasting.store;
  const { aRow } = await import('../conformance/ledger.ts');
  const atMs = Date.now();
  await ledger.append([aRow({ atMs: atMs - 60_000 }), aRow({ atMs: atMs + 60_000, id: 'newcomer' })]);
  await soon(store);
  await other.gateway.lasting.privacy.goOn();
  const question = { fromDay: '2020-01-01', toDay: '2100-01-01', where: { tenant: 'acme' }, rowsMax: 10 };
  const { rows } = await ledger.page(question);
  assert.deepEqual(
    rows.map(({ user }) => user.replace(/-.*/, '')),
    ['erased', 'ada'],
  );
});

/** As if the pause until the next look had gone by. */
async function soon(store: string): Promise<void> {
  const client = new pg.Client({ connectionString: store });
  await client.connect();
  await client.query('update erasures set next_at_ms = 0');
  await client.end();
}
