// Two gateways that have PostgreSQL in common and nothing else: neither can hear of the other, and both find out.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import { examineStores } from '../../src/cli/examine/stores.ts';
import { loadConfig } from '../../src/config/load.ts';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { openTestStore } from './databases.ts';

let postgres: PostgresServer;
before(async () => {
  postgres = await openPostgresServer();
});
after(() => postgres.stop());

/** What its answers, its health and its log say of what should be shared. */
async function saysOf({ url, key, lines }: TestGateway) {
  const headers = { authorization: `Bearer ${key}` };
  const reply = await fetch(`${url}/v1/models`, { headers });
  await reply.arrayBuffer();
  const ready = await fetch(`${url}/readyz`);
  const { status } = (await (await fetch(`${url}/healthz/deps`, { headers })).json()) as { status: string };
  return {
    answers: [reply.status, reply.headers.get('x-millrace-degraded')],
    isReady: ready.ok && reply.ok,
    status,
    log: lines.filter((line) => /gateway is at this store/.test(line)).length,
  };
}

const crowded = { answers: [200, 'shared'], isReady: true, status: 'degraded', log: 1 };
const alone = (log: number) => ({ answers: [200, null], isReady: true, status: 'well', log });

test('G22: a second gateway at a PostgreSQL without Redis is found out by both, which serve on; when one leaves the other is alone', async (t) => {
  const config = { store: await postgres.createDatabase() };
  const client = new Client({ connectionString: config.store });
  await client.connect();
  t.after(() => client.end());
  const count = async () => (await client.query('select id from gateways_alone')).rowCount;
  const open = async () => {
    const gateway = await openTestGateway({ config });
    t.after(() => gateway.close());
    await until('it knows the keys', async () => (await fetch(`${gateway.url}/readyz`)).ok);
    return gateway;
  };
  const first = await open();
  await until('it has said that it is there', async () => (await count().catch(() => 0)) === 1);
  assert.deepEqual(await saysOf(first), alone(0));
  const second = await open();
  for (const gateway of [first, second]) {
    await until('it has found out', async () => (await saysOf(gateway)).status === 'degraded');
    assert.deepEqual(await saysOf(gateway), crowded);
  }
  const examined = await examineStores(loadConfig({ path: first.file, env: {} }).config);
  const shared = examined.find(({ area }) => area === 'shared');
  assert.equal(shared?.state, 'fail');
  assert.match(shared.says, /and 2 gateways are at this store: each counts/);
  // The one that goes on has to be told by nobody.
  await first.close();
  assert.equal(await count(), 1);
  await until('it is alone', async () => (await saysOf(second)).status === 'well');
  assert.deepEqual(await saysOf(second), alone(2));
});

test('who takes the place of one that was killed is alone, and one that falls silent is forgotten', async (t) => {
  const url = await postgres.createDatabase();
  const { gatewaysAlone } = await openTestStore(t, url);
  const client = new Client({ connectionString: url });
  await client.connect();
  t.after(() => client.end());
  const shift = (id: string, ms: number) =>
    client.query('update gateways_alone set seen_ms = seen_ms + $2 where id = $1', [id, ms]);
  assert.equal(await gatewaysAlone.announce('killed'), 0);
  // In the same millisecond nobody could tell which was first.
  await shift('killed', -1);
  assert.equal(await gatewaysAlone.announce('next'), 0);
  assert.equal(await gatewaysAlone.announce('beside'), 0, 'who has not been heard since may be gone');
  assert.equal(await gatewaysAlone.announce('next'), 1);
  assert.equal(await gatewaysAlone.announce('beside'), 1);
  await shift('beside', -10_000);
  assert.equal(await gatewaysAlone.announce('next'), 0);
  assert.equal(await gatewaysAlone.announce('beside'), 1, 'it has only been silent');
  assert.equal(await gatewaysAlone.announce('next'), 1);
  await gatewaysAlone.leave('beside');
  assert.equal(await gatewaysAlone.announce('next'), 0);
});

test('G22: a gateway without Redis beside one with it finds out, says so and serves on; the other is as it should be', async (t) => {
  const store = await postgres.createDatabase();
  const redis = await openRedisServer();
  t.after(() => redis.stop());
  const open = async (shared: object) => {
    const gateway = await openTestGateway({ config: { store, ...shared } });
    t.after(() => gateway.close());
    await until('it knows the keys', async () => (await fetch(`${gateway.url}/readyz`)).ok);
    return gateway;
  };
  const [one, two] = [await open({ shared: redis.url }), await open({ shared: redis.url })];
  const without = await open({});
  await until('it has found out', async () => (await saysOf(without)).status === 'degraded');
  assert.deepEqual(await saysOf(without), crowded);
  for (const gateway of [one, two]) assert.deepEqual(await saysOf(gateway), alone(0));
  await Promise.all([one.close(), two.close()]);
  await until('it is alone', async () => (await saysOf(without)).status === 'well');
});
