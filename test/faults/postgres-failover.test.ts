/**
 * DP11: two gateways under load while their PostgreSQL fails over behind one name. The old primary becomes read-only, its
 * streaming standby is promoted once it has all, and the name leads there. Nothing else cuts a connection: what is open
 * still leads to the old one.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Client } from 'pg';
import { openTestAdmin, type TestAdmin } from '../admin-rig.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { provideServer } from '../servers/provide-server.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { makeStoredKey, revoke, statusWith } from '../stored-keys.ts';
import { switchTo } from '../stores/switched-port.ts';
import { keepAsking } from './known-callers.ts';
import { until } from './rig.ts';

const isLocal = (await provideServer('postgres')).way === 'program';
const backWithinMs = 5_000;
const identity = { pepper: 'p3Wx71nVhT2pLw0Xc9Rf5KsBn4Yd6GjEa' };

test('DP11: a failover under load costs no known key anything, changes are taken again within 5 s, and the ledger is one', {
  skip: !isLocal && 'a standby is made beside the server that it copies, and not in a container',
}, async (t) => {
  const { old, standby, port, name, redis } = await openServers(t);
  const store = at(old.url, { port, name });
  const replicas = await Promise.all(
    [1, 2].map(() => openTestAdmin({ config: { store, shared: redis.url, identity } })),
  );
  const gateways = replicas.map(({ gateway }) => gateway);
  t.after(() => Promise.all(replicas.map((replica) => replica.close())));
  const [one, two] = gateways;
  const [admin] = replicas;
  assert.ok(one !== undefined && two !== undefined && admin !== undefined);
  const [key, revoked] = [
    await makeStoredKey(one, { name: 'ci' }),
    await makeStoredKey(one, { name: 'revoked' }),
  ];
  await until('both know both', async () => (await statusWith(two, revoked)) === 200);
  const load = keepAsking(gateways, key);
  const [before, after] = [
    await openClient(t, at(old.url, { name })),
    await openClient(t, at(standby.url, { name })),
  ];
  await until('rows are in the old one', async () => (await idsOf(before)).length > 20);

  await before.query('alter system set default_transaction_read_only = on');
  await before.query('select pg_reload_conf()');
  await until('a change is refused', async () => (await add(admin, 'late')) === 503);
  await until('the standby has all', () => hasAll(before, after));
  await after.query('select pg_promote()');
  port.to(standby.port);
  const switchedMs = performance.now();
  const tookMs = await Promise.all(
    replicas.map(async (replica, index) => {
      await until('changes are taken again', async () => {
        const status = await add(replica, `user-${index}`);
        assert.ok(status === 201 || status === 503, `${status}`);
        return status === 201;
      });
      return performance.now() - switchedMs;
    }),
  );
  t.diagnostic(`changes were taken again after ${tookMs.map(Math.round).join(' and ')} ms`);
  assert.ok(Math.max(...tookMs) <= backWithinMs);
  await until('nothing is missing', () => gateways.every(({ gateway }) => gateway.lasting.degraded() === ''));
  assert.ok(performance.now() - switchedMs <= backWithinMs, 'nor is anything else');
  assert.equal(await revoke(one, 'revoked'), true);
  const revokedMs = performance.now();
  await until('neither lets it in', async () => {
    const statuses = await Promise.all(gateways.map((gateway) => statusWith(gateway, revoked)));
    return statuses.every((status) => status === 401);
  });
  assert.ok(performance.now() - revokedMs <= backWithinMs, 'G3: what is known comes from the new one');
  const seen = load.answered();
  await until('some are asked by the new one', () => load.answered() > seen + 40);

  const answered = await load.end();
  await Promise.all(replicas.map((replica) => replica.close()));
  const [had, has] = [await idsOf(before), await idsOf(after)];
  assert.equal(new Set(has).size, has.length, 'none is there twice');
  assert.deepEqual(
    had.filter((id) => !has.includes(id)),
    [],
    'what the old one has, the new one has',
  );
  assert.deepEqual(
    answered.filter((id) => !has.includes(id)),
    [],
    'what was answered has its row',
  );
  t.diagnostic(`${had.length} rows by the old one, ${has.length} in all`);
});

async function openServers(t: TestContext) {
  const old = await openPostgresServer();
  t.after(() => old.stop());
  const store = await old.createDatabase();
  const [standby, redis, port] = await Promise.all([
    openPostgresServer({ standbyOf: old }),
    openRedisServer(),
    switchTo(t, old.port),
  ]);
  t.after(() => Promise.all([standby.stop(), redis.stop()]));
  return { old, standby, redis, port, name: new URL(store).pathname };
}

function at(url: string, { port, name }: { port?: { readonly port: number }; name: string }): string {
  const changed = new URL(url);
  changed.pathname = name;
  if (port !== undefined) changed.port = String(port.port);
  return changed.href;
}

async function openClient(t: TestContext, url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  t.after(() => client.end().catch(() => undefined));
  return client;
}

async function idsOf(client: Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>('select id from ledger');
  return rows.map(({ id }) => id);
}

/** What becomes of a change. */
async function add({ ask }: TestAdmin, name: string): Promise<number> {
  const { status, body } = await ask('users', { method: 'POST', body: { name } });
  if (status === 503) assert.equal(body.code, 'dependency_unavailable');
  return status;
}

async function hasAll(primary: Client, standby: Client): Promise<boolean> {
  const { rows } = await primary.query<{ lsn: string }>('select pg_current_wal_lsn() as lsn');
  const { rows: replayed } = await standby.query<{ has: boolean }>(
    'select pg_last_wal_replay_lsn() >= $1::pg_lsn as has',
    [rows[0]?.lsn],
  );
  return replayed[0]?.has === true;
}
