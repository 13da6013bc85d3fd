/** PostgreSQL that is lost, slow, full or read-only (DP9–DP13): what rejects says so, and we are back within 5 s. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import { Client } from 'pg';
import { migrate } from '../../src/stores/sql/migrate.ts';
import { sayOutage } from '../../src/stores/sql/outage.ts';
import type { SchemaEditor, SchemaStep } from '../../src/stores/sql/schema-step.ts';
import { schemaSteps } from '../../src/stores/sql/schema-steps.ts';
import { aKey } from '../conformance/directory-drafts.ts';
import { aRow } from '../conformance/ledger.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { clock, type OpenedStore, openTestStore, postgresBackend } from './databases.ts';
import { hasCode } from './failure-code.ts';
import { switchTo } from './switched-port.ts';

const unavailable = hasCode('dependency_unavailable');
const backWithinMs = 5_000;
const year = { fromDay: '2026-01-01', toDay: '2027-01-01', where: {} } as const;

async function serverFor(t: TestContext, config: Record<string, string> = {}) {
  const server = await openPostgresServer({ config });
  t.after(() => server.stop());
  return server;
}

/** Two servers, a name that leads to the first, and a store that goes by it. */
async function openBehindOneName(t: TestContext) {
  const [old, fresh] = await Promise.all([serverFor(t), serverFor(t)]);
  const name = await switchTo(t, old.port);
  const url = new URL(old.url);
  url.port = String(name.port);
  const store = await openTestStore(t, url.href);
  const next = await openTestStore(t, fresh.url);
  await Promise.all([store.migrate(), next.migrate()]);
  return { old, fresh, name, store, next };
}

async function connected(t: TestContext, url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  t.after(() => client.end().catch(() => undefined));
  return client;
}

/** Appends until it works; every failure on the way must be an outage. How long that took. */
async function backAfterMs({ ledger }: OpenedStore): Promise<number> {
  const startMs = clock.now();
  for (;;) {
    try {
      await ledger.append([aRow()]);
      return clock.now() - startMs;
    } catch (error) {
      assert.ok(unavailable(error), String(error));
      assert.ok(
        clock.now() - startMs < 2 * backWithinMs,
        `not back after ${clock.now() - startMs} ms: ${error}`,
      );
    }
  }
}

async function assertBack(store: OpenedStore): Promise<void> {
  const tookMs = await backAfterMs(store);
  assert.ok(tookMs <= backWithinMs, `${tookMs} ms`);
  assert.deepEqual(
    store.troubles.map((trouble) => trouble !== undefined),
    store.troubles.map((_, at) => at % 2 === 0),
    'trouble is told when it begins and when it ends, once each',
  );
  assert.equal(store.troubles.at(-1), undefined);
}

/** Ten appenders that go on whatever happens, until they are told to end. */
function keepAppending({ ledger }: OpenedStore) {
  const kept = new Set<string>();
  const wrong: unknown[] = [];
  let ended = false;
  const appenders = Array.from({ length: 10 }, async () => {
    while (!ended) {
      const row = aRow();
      await ledger.append([row]).then(
        () => kept.add(row.id),
        (error) => unavailable(error) || wrong.push(error),
      );
    }
  });
  return {
    kept,
    end: async () => {
      ended = true;
      await Promise.all(appenders);
      assert.deepEqual(wrong, []);
    },
  };
}

test('a server that is killed under load costs outages and not the process, and what was kept is kept (DP9, R21)', async (t) => {
  const server = await serverFor(t, { fsync: 'on' });
  const store = await openTestStore(t, server.url);
  await store.ledger.append([aRow()]);
  const load = keepAppending(store);
  await until(() => load.kept.size > 50);
  server.kill();
  await until(() => store.troubles.length > 0);
  await assert.rejects(store.check(), unavailable);
  await server.restart();
  await assertBack(store);
  await load.end();
  const page = await store.ledger.page({ ...year, rowsMax: 10_000 });
  const found = new Set(page.rows.map(({ id }) => id));
  assert.deepEqual(
    [...load.kept].filter((id) => !found.has(id)),
    [],
  );
  const [total] = await store.ledger.sum({ ...year, by: [], rowsMax: 1 });
  assert.equal(total?.exchanges, found.size);
});

test('a server that restarts under load is back within 5 s (DP10, 57P01)', async (t) => {
  const server = await serverFor(t);
  const store = await openTestStore(t, server.url);
  await store.ledger.append([aRow()]);
  const load = keepAppending(store);
  await until(() => load.kept.size > 50);
  await server.restart();
  await assertBack(store);
  await load.end();
});

test('idle connections that a restart has cut are not a fault of the next append (R21)', async (t) => {
  const server = await serverFor(t);
  const store = await openTestStore(t, server.url);
  await Promise.all(Array.from({ length: 8 }, () => store.ledger.append([aRow()])));
  await server.restart();
  await assertBack(store);
});

test('a primary that has become read-only is an outage, and its connections are not kept (DP11, 25006)', async (t) => {
  const server = await serverFor(t);
  const store = await openTestStore(t, server.url);
  await store.ledger.append([aRow()]);
  const operator = await connected(t, server.url);
  await operator.query('alter database postgres set default_transaction_read_only = on');
  await operator.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'millrace short'`,
  );
  await until(async () => (await store.ledger.append([aRow()]).catch((error) => error)) !== undefined);
  await assert.rejects(
    store.ledger.append([aRow()]),
    (error) => unavailable(error) && /read-only/.test(String(error)),
  );
  await operator.query('set default_transaction_read_only = off');
  await operator.query('alter database postgres set default_transaction_read_only = off');
  await assertBack(store);
});

test('a failover behind one name is followed: from a server that stands still to one that works (DP11)', async (t) => {
  const { old, fresh, name, store } = await openBehindOneName(t);
  await store.ledger.append([aRow()]);
  old.pause();
  t.after(() => old.resume());
  await assert.rejects(store.ledger.append([aRow()]), unavailable);
  name.to(fresh.port);
  await assertBack(store);
});

test('a primary that has become read-only is read no longer than it takes to open another connection (DP11)', async (t) => {
  const { old, fresh, name, store, next } = await openBehindOneName(t);
  const version = async ({ directory }: OpenedStore) => (await directory.changes(0, 10)).version;
  const before = await version(store);
  await next.directory.put(aKey('default', 'newer'));
  // Several are open, and nobody writes anything.
  await Promise.all(Array.from({ length: 5 }, () => version(store)));
  const operator = await connected(t, old.url);
  await operator.query('alter system set default_transaction_read_only = on');
  await operator.query('select pg_reload_conf()');
  const readMs = clock.now();
  while (clock.now() - readMs < 200) assert.equal(await version(store), before, 'it is read all the same');
  name.to(fresh.port);
  const switchedMs = clock.now();
  for (let seen = before; seen === before; ) {
    seen = await version(store);
    assert.ok(clock.now() - switchedMs < backWithinMs, 'the old one is still read');
  }
  const now = await Promise.all(Array.from({ length: 10 }, () => version(store)));
  assert.deepEqual(new Set(now), new Set([await version(next)]));
  assert.deepEqual(store.troubles, []);
});

test('a table that is locked costs an append two seconds, and reports none of the appends’ connections (DP12)', async (t) => {
  const server = await serverFor(t);
  const store = await openTestStore(t, server.url);
  await store.ledger.append([aRow()]);
  const operator = await connected(t, server.url);
  await operator.query('begin');
  await operator.query('lock table ledger in access exclusive mode');
  const startMs = clock.now();
  await assert.rejects(
    store.ledger.append([aRow()]),
    (error) => unavailable(error) && /too long/.test(String(error)),
  );
  assert.ok(clock.now() - startMs < 4_000, `${clock.now() - startMs} ms`);
  // Many reports wait for the lock as well; what only asks of other tables goes on beside them.
  const reports = Array.from({ length: 12 }, () =>
    store.ledger.page({ ...year, rowsMax: 10 }).catch((error) => error),
  );
  const { tookMs } = await store.check();
  assert.ok(tookMs < 1_000, `${tookMs} ms`);
  await operator.query('rollback');
  await Promise.all(reports);
  await assertBack(store);
});

test('a server that stands still is given up in time, and used again when it goes on (DP12)', async (t) => {
  const server = await serverFor(t);
  const store = await openTestStore(t, server.url);
  await store.ledger.append([aRow()]);
  server.pause();
  const startMs = clock.now();
  await assert.rejects(store.ledger.append([aRow()]), unavailable);
  assert.ok(clock.now() - startMs < 4_500, `${clock.now() - startMs} ms`);
  server.resume();
  await assertBack(store);
});

test('too many connections elsewhere is an outage while none is left, and not after (DP13, 53300)', async (t) => {
  const server = await serverFor(t, { max_connections: '15', superuser_reserved_connections: '0' });
  const store = await openTestStore(t, server.url);
  await store.migrate();
  await store.close();
  const others = await Promise.all(Array.from({ length: 15 }, () => takeConnection(t, server.url)));
  const late = await openTestStore(t, server.url);
  await assert.rejects(
    late.ledger.append([aRow()]),
    (error) => unavailable(error) && /connections/.test(String(error)),
  );
  await Promise.all(others.map((client) => client?.end()));
  await assertBack(late);
});

test('all replicas together leave the server ten connections, also when there are more of them than before (R4)', async (t) => {
  const server = await serverFor(t, { max_connections: '30' });
  const operator = await connected(t, server.url);
  let replicas = 1;
  const store = await openTestStore(t, server.url, { replicas: () => replicas });
  // Who waits too long for a connection asks again: on a busy machine that is no fault.
  const busy = () => Promise.all(Array.from({ length: 60 }, () => backAfterMs(store)));
  const open = async () => {
    const { rows } = await operator.query(
      `select count(*) from pg_stat_activity where application_name like 'millrace%'`,
    );
    return Number(rows[0].count);
  };
  await busy();
  assert.ok((await open()) <= 20, `${await open()}`);
  assert.equal((await store.check()).connections?.most, 20);
  replicas = 4;
  await busy();
  assert.equal((await store.check()).connections?.most, 5);
  await until(async () => (await open()) <= 5);
});

test('reports ask the replica, and the primary when there is none', async (t) => {
  const [primary, copy] = await Promise.all([serverFor(t), serverFor(t)]);
  const store = await openTestStore(t, { url: primary.url, replica: copy.url });
  await store.ledger.append([aRow()]);
  const exchanges = async () => (await store.ledger.sum({ ...year, by: [], rowsMax: 1 }))[0]?.exchanges;
  assert.equal(await exchanges(), 1, 'the copy has no tables yet');
  const other = await openTestStore(t, copy.url);
  await other.ledger.append([aRow(), aRow(), aRow()]);
  await other.close();
  assert.equal(await exchanges(), 3);
  assert.equal((await store.ledger.page({ ...year, rowsMax: 10 })).rows.length, 3);
  copy.kill();
  assert.equal(await exchanges(), 1);
  assert.deepEqual(store.troubles, []);
});

test('a server that is not there at the start is awaited without a restart (R3)', async (t) => {
  const server = await serverFor(t);
  server.kill();
  const store = await openTestStore(t, server.url);
  await assert.rejects(store.migrate(), unavailable);
  await assert.rejects(store.ledger.append([aRow()]), unavailable);
  await server.restart();
  await assertBack(store);
});

test('wrong credentials are an outage with a reason, and never show the password', async (t) => {
  const server = await serverFor(t);
  const url = new URL(server.url);
  url.password = 'hunter2secret';
  const store = await openTestStore(t, url.href);
  const said = (error: unknown) =>
    unavailable(error) && !`${error}${JSON.stringify(error)}`.includes('hunter2secret');
  await assert.rejects(store.ledger.append([aRow()]), said);
  const [trouble] = store.troubles;
  assert.ok(trouble !== undefined);
  assert.equal(trouble.message, 'PostgreSQL refused our credentials', 'clients may read it');
  assert.match(
    sayOutage(trouble),
    /^PostgreSQL refused our credentials: .*"postgres"/,
    'operators are told more',
  );
});

test('a migration whose server is killed half-way has changed nothing, and can be taken afterwards (DP15)', async (t) => {
  const server = await serverFor(t, { fsync: 'on' });
  const store = await openTestStore(t, server.url);
  await store.ledger.append([aRow()]);
  const backend = await postgresBackend(t, server.url);
  const step = (during: () => void): SchemaStep => ({
    step: schemaSteps.length + 1,
    name: 'wider',
    compatibleFrom: 1,
    up: async ({ schema }) => {
      await schema.createTable('wider').addColumn('one', 'integer').execute();
      during();
      await schema.createTable('widest').addColumn('one', 'integer').execute();
    },
    down: async () => undefined,
  });
  const up = (last: SchemaStep) =>
    backend.migrateWith((database) =>
      migrate(database, { dialect: 'postgres', steps: [...schemaSteps, last], clock }),
    );
  await assert.rejects(up(step(() => server.kill())), unavailable);
  await server.restart();
  await assertBack(store);
  assert.equal((await store.check()).schemaStep, schemaSteps.length);
  assert.equal((await up(step(() => undefined))).step, schemaSteps.length + 1);
});

test('P12: a migration that was stopped in the middle holds its locks for seconds, and is taken back: its writer comes too late', async (t) => {
  const server = await serverFor(t);
  const store = await openTestStore(t, server.url);
  await store.ledger.append([aRow()]);
  const [stopped, next] = [await postgresBackend(t, server.url), await postgresBackend(t, server.url)];
  const operator = await connected(t, server.url);
  const steps = (last: SchemaStep) =>
    ({ dialect: 'postgres', steps: [...schemaSteps, last], clock }) as const;
  const wider = (during: (editor: SchemaEditor) => Promise<unknown>): SchemaStep => ({
    step: schemaSteps.length + 1,
    name: 'wider',
    compatibleFrom: 1,
    up: async (editor) => {
      await editor.schema.alterTable('ledger').addColumn('wider', 'text').execute();
      await during(editor);
    },
    down: async () => undefined,
  });
  const asleep = Promise.withResolvers<void>();
  const awake = Promise.withResolvers<void>();
  const late = stopped.migrateWith((database) =>
    migrate(
      database,
      steps(
        wider(async (editor) => {
          const { rows } = await sql<Setting>`show idle_in_transaction_session_timeout`.execute(editor);
          assert.equal(rows[0]?.idle_in_transaction_session_timeout, '20s');
          // They need not be waited for here.
          await sql`set idle_in_transaction_session_timeout = 300`.execute(editor);
          asleep.resolve();
          await awake.promise;
        }),
      ),
    ),
  );
  late.catch(() => undefined);
  await asleep.promise;
  const taken = await next.migrateWith((database) => migrate(database, steps(wider(async () => undefined))));
  assert.equal(taken.step, schemaSteps.length + 1);
  awake.resolve();
  await assert.rejects(late, unavailable);
  const { rows } = await operator.query('select step from schema_steps where name = $1', ['wider']);
  assert.equal(rows.length, 1);
  await store.ledger.append([aRow()]);
});

interface Setting {
  readonly idle_in_transaction_session_timeout: string;
}

/** The server tells its last places to those who come too late. */
async function takeConnection(t: TestContext, url: string): Promise<Client | undefined> {
  return await connected(t, url).catch(() => undefined);
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const startMs = clock.now();
  while (!(await isSo())) {
    assert.ok(clock.now() - startMs < 10_000, 'it did not come to that');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
