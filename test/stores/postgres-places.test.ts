/** Many replicas over a PostgreSQL with few connections: its limit holds whoever knows of whom (G20, R4). */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Client, Pool } from 'pg';
import { openStore } from '../../src/stores/open-store.ts';
import { nameOf, ServerPlaces } from '../../src/stores/postgres/server-places.ts';
import type { Store } from '../../src/stores/sql/store.ts';
import { durableStoreOption } from '../../src/stores/store-options.ts';
import { aRow } from '../conformance/ledger.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { clock } from './databases.ts';
import { hasCode } from './failure-code.ts';

const year = { fromDay: '2026-01-01', toDay: '2027-01-01', where: {}, by: [], rowsMax: 1 } as const;
const unavailable = hasCode('dependency_unavailable');

let server: PostgresServer;
before(async () => {
  server = await openPostgresServer({ config: { max_connections: '15' } });
});
after(() => server.stop());

/** Ten of its fifteen are kept free. */
const places = 5;

interface Replica {
  readonly store: Store;
  readonly told: (string | undefined)[];
}

async function openReplicas(t: TestContext, count: number, known: () => number): Promise<readonly Replica[]> {
  // An operator may give them a name of his own, and they are counted all the same.
  const url = `${await server.createDatabase()}?application_name=gateway`;
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const told: (string | undefined)[] = [];
      const store = await openStore(durableStoreOption.parse(url), {
        dataDir: '',
        replicas: known,
        clock,
        onTrouble: () => {},
        onScarce: (what) => told.push(what),
      });
      t.after(() => store.close());
      return { store, told };
    }),
  );
}

/** Again and again, as the spool does: it waits, and nothing is lost. */
async function persist<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      assert.ok(unavailable(error), String(error));
      await setTimeout(20);
    }
  }
}

/** Looks all the time at how many of ours the server has at work; those that only asked for their place are on their way out. */
async function watch(t: TestContext) {
  const operator = new Client({ connectionString: server.url });
  await operator.connect();
  t.after(() => operator.end());
  let most = 0;
  let looks = 0;
  let ended = false;
  const watching = (async () => {
    while (!ended) {
      const { rows } = await operator.query(
        `select count(*) from pg_stat_activity where backend_type = 'client backend'
         and pid <> pg_backend_pid() and query <> '' and query not like '%max_connections%'`,
      );
      most = Math.max(most, Number(rows[0].count));
      looks += 1;
    }
  })();
  return async () => {
    ended = true;
    await watching;
    t.diagnostic(`${most} connections at most, in ${looks} looks`);
    return most;
  };
}

const keep = ({ store }: Replica) => persist(() => store.ledger.append([aRow()]));

const exchangesIn = ({ store }: Replica) => persist(async () => (await store.ledger.sum(year))[0]?.exchanges);

test('G20: as many replicas as there are places have one connection each, for rows and reports', async (t) => {
  const replicas = await openReplicas(t, places, () => places);
  for (const replica of replicas) await keep(replica);
  const end = await watch(t);
  await Promise.all(replicas.flatMap((replica) => [keep(replica), keep(replica), exchangesIn(replica)]));
  assert.ok((await end()) <= places);
  for (const { store, told } of replicas) {
    assert.deepEqual((await store.check()).connections, { open: 1, most: 1, ofAll: places });
    assert.deepEqual(told, []);
  }
});

test('G20: twice as many replicas as places take turns, all that they write arrives, and each says so', async (t) => {
  let known = 2 * places;
  const replicas = await openReplicas(t, known, () => known);
  const end = await watch(t);
  await Promise.all(replicas.flatMap((replica) => [keep(replica), keep(replica)]));
  const [first] = replicas;
  assert.ok(first !== undefined);
  assert.equal(await exchangesIn(first), 2 * known);
  assert.ok((await end()) <= places);
  for (const { told } of replicas) {
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', /^10 gateways take turns at the 5 connections/);
  }
  known = 1;
  await keep(first);
  assert.deepEqual(first.told.slice(1), [undefined], 'and that it is over');
});

test('G20: replicas that know nothing of each other leave ten connections free all the same, and one of the five to each other', async (t) => {
  const replicas = await openReplicas(t, 2, () => 1);
  const end = await watch(t);
  for (const replica of replicas) {
    await Promise.all(Array.from({ length: 2 * places }, () => keep(replica)));
    assert.equal(await exchangesIn(replica), 2 * places * (replicas.indexOf(replica) + 1));
  }
  assert.ok((await end()) <= places);
  for (const { told } of replicas) assert.deepEqual(told, []);
});

test('connections of a pool that was closed, as each try of a migration has one, are ours no longer', async (t) => {
  const told = { configured: places, replicas: () => 1, onScarce: () => {} };
  const ours = new ServerPlaces(told);
  const pool = new Pool({ connectionString: server.url, application_name: nameOf('short'), max: places });
  t.after(() => pool.end());
  const clients = await Promise.all(Array.from({ length: places }, () => pool.connect()));
  const [first] = clients;
  assert.ok(first !== undefined);
  await ours.enter(first);
  const leave = ours.own(() => 2);
  assert.equal(ours.isKept, false, 'who has several leaves the last place free');
  leave();
  assert.equal(ours.isKept, true);
  for (const client of clients) client.release();
});
