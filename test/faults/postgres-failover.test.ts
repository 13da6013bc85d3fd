/**
 * DP11: two gateways under load while their PostgreSQL fails over behind one name: to a streaming standby, that is promoted
 * when it has all. The old primary becomes read-only, and nothing cuts a connection: what is open still leads there. Or it
 * is killed, after each commit had waited for the standby.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Client } from 'pg';
import { makeKey } from '../../src/identity/api-key.ts';
import { openTestAdmin, type TestAdmin } from '../admin-rig.ts';
import type { TestGateway } from '../gateway.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { provideServer } from '../servers/provide-server.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { makeStoredKey, revoke, statusWith } from '../stored-keys.ts';
import { switchTo } from '../stores/switched-port.ts';
import { keepAsking } from './known-callers.ts';
import { keepMakingKeys } from './new-callers.ts';
import { until } from './rig.ts';

const isLocal = (await provideServer('postgres')).way === 'program';
const backWithinMs = 5_000;
const identity = { pepper: 'p3Wx71nVhT2pLw0Xc9Rf5KsBn4Yd6GjEa' };

interface Way {
  readonly what: string;
  /** Of the standby, once it follows. */
  readonly settings: string;
  /** Ends the old primary; the standby has all then. */
  end(servers: Servers, replicas: readonly TestAdmin[]): Promise<void>;
}

const ways: readonly Way[] = [
  {
    what: 'to the standby of a primary that became read-only',
    settings: '',
    end: async ({ before, after }, replicas) => {
      await before.query('alter system set default_transaction_read_only = on');
      await before.query('select pg_reload_conf()');
      await until('a change is refused', async () => (await add(replicas[0], 'late')) === 503);
      // Another server may have more keys than one that only reads.
      for (const { gateway } of replicas) assert.equal(await statusWith(gateway, makeKey()), 503);
      await until('the standby has all', () => hasAll(before, after));
    },
  },
  {
    what: 'to the synchronous standby of a primary that was killed',
    settings: '*',
    end: async ({ old }) => old.kill(),
  },
];

for (const { what, settings, end } of ways) {
  test(`DP11: ${what}: no known key notices, no new one is called wrong, changes are taken again within 5 s, and the ledger is one`, {
    skip: !isLocal && 'a standby is made beside the server that it copies, and not in a container',
  }, async (t) => {
    const servers = await openServers(t);
    const { standby, port, before, after, config } = servers;
    const replicas = await Promise.all([openTestAdmin({ config }), openTestAdmin({ config })]);
    t.after(() => Promise.all(replicas.map((replica) => replica.close())));
    const gateways = replicas.map(({ gateway }) => gateway);
    const [{ gateway: one }, { gateway: two }] = replicas;
    await before.query(`alter system set synchronous_standby_names = '${settings}'`);
    await before.query('select pg_reload_conf()');
    const key = await makeStoredKey(one, { name: 'ci' });
    const revoked = await makeStoredKey(one, { name: 'revoked' });
    await until('both know both', async () => (await statusWith(two, revoked)) === 200);
    const load = keepAsking(gateways, key);
    const callers = keepMakingKeys(gateways);
    await until('rows are in the old one', async () => (await idsOf(before)).length > 20);

    await end(servers, replicas);
    await after.query('select pg_promote()');
    port.to(standby.port);
    const switchedMs = performance.now();
    const sinceMs = () => performance.now() - switchedMs;
    const tookMs = await Promise.all(
      replicas.map(async (replica, index) => {
        await until('changes are taken again', async () => isTaken(await add(replica, `user-${index}`)));
        return sinceMs();
      }),
    );
    t.diagnostic(`changes were taken again after ${tookMs.map(Math.round).join(' and ')} ms`);
    assert.ok(Math.max(...tookMs) <= backWithinMs);
    await until('nothing is missing', () =>
      gateways.every(({ gateway }) => gateway.lasting.degraded() === ''),
    );
    assert.ok(sinceMs() <= backWithinMs, 'nor is anything else');
    await revokedAtBoth(gateways, revoked);
    const [made, unmade] = [callers.made[200] ?? 0, callers.unmade[401] ?? 0];
    await until(
      'new keys are told from wrong ones again',
      () => (callers.made[200] ?? 0) > made && (callers.unmade[401] ?? 0) > unmade,
    );
    await callers.end();
    t.diagnostic(
      `used as soon as made: ${JSON.stringify(callers.made)}, never made: ${JSON.stringify(callers.unmade)}`,
    );
    const answered = load.answered();
    await until('some are asked by the new one', () => load.answered() > answered + 40);
    const ids = await load.end();
    await Promise.all(replicas.map((replica) => replica.close()));
    await assertOneLedger(servers, ids);
  });
}

function isTaken(status: number): boolean {
  assert.ok(status === 201 || status === 503, `${status}`);
  return status === 201;
}

/** G3: what is known comes from the new one. */
async function revokedAtBoth(gateways: readonly TestGateway[], key: string): Promise<void> {
  const [one] = gateways;
  assert.ok(one !== undefined && (await revoke(one, 'revoked')));
  const revokedMs = performance.now();
  await until('neither lets it in', async () => {
    const statuses = await Promise.all(gateways.map((gateway) => statusWith(gateway, key)));
    return statuses.every((status) => status === 401);
  });
  assert.ok(performance.now() - revokedMs <= backWithinMs);
}

async function assertOneLedger({ before, after }: Servers, answered: readonly string[]): Promise<void> {
  const has = await idsOf(after);
  const kept = new Set(has);
  assert.equal(kept.size, has.length, 'none is there twice');
  const missing = (ids: readonly string[]) => ids.filter((id) => !kept.has(id));
  assert.deepEqual(missing(answered), [], 'what was answered has its row');
  // Nobody can be asked who was killed.
  const had = await idsOf(before).catch(() => []);
  assert.deepEqual(missing(had), [], 'what the old one has, the new one has');
}

type Servers = Awaited<ReturnType<typeof openServers>>;

async function openServers(t: TestContext) {
  const old = await openPostgresServer();
  t.after(() => old.stop());
  const name = new URL(await old.createDatabase()).pathname;
  const [standby, redis, port] = await Promise.all([
    openPostgresServer({ standbyOf: old }),
    openRedisServer(),
    switchTo(t, old.port),
  ]);
  t.after(() => Promise.all([standby.stop(), redis.stop()]));
  const before = await openClient(t, at(old.url, { name }));
  const copied = await openClient(t, standby.url);
  await until('the standby has the database', () => hasAll(before, copied));
  const after = await openClient(t, at(standby.url, { name }));
  const config = { store: at(old.url, { name, port: port.port }), shared: redis.url, identity };
  return { old, standby, port, before, after, config };
}

function at(url: string, { name, port }: { readonly name: string; readonly port?: number }): string {
  const changed = new URL(url);
  changed.pathname = name;
  if (port !== undefined) changed.port = String(port);
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
async function add(admin: TestAdmin | undefined, name: string): Promise<number> {
  assert.ok(admin !== undefined);
  const { status, body } = await admin.ask('users', { method: 'POST', body: { name } });
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
