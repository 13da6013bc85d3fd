/** The embedded database: its file, its thread, and the line before it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type TestContext, test } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { sql } from 'kysely';
import type { Database } from '../../src/stores/sql/tables.ts';
import { openSqlite } from '../../src/stores/sqlite/open-sqlite.ts';
import { aRow } from '../conformance/ledger.ts';
import { clock, openTestStore, temporaryFolder } from './databases.ts';
import { hasCode } from './failure-code.ts';

const unavailable = hasCode('dependency_unavailable');
/** Counts for so long that nothing else could be done meanwhile. */
const long = sql`with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000000) select count(*) c from n`;

async function openHere(t: TestContext, waitingMax?: number): Promise<Database> {
  const path = join(await temporaryFolder(t), 'store.sqlite');
  const database = openSqlite({ path, clock, ...(waitingMax === undefined ? {} : { waitingMax }) });
  t.after(() => database.destroy());
  return database;
}

test('the file, its log and its index are for their owner alone, and so is a new folder', async (t) => {
  const dataDir = join(await temporaryFolder(t), 'data');
  const store = await openTestStore(t, 'sqlite', { dataDir });
  await store.ledger.append([aRow()]);
  const names = await readdir(dataDir);
  assert.deepEqual(names.sort(), ['millrace.sqlite', 'millrace.sqlite-shm', 'millrace.sqlite-wal']);
  for (const name of names) assert.equal((await stat(join(dataDir, name))).mode & 0o777, 0o600, name);
  assert.equal((await stat(dataDir)).mode & 0o777, 0o700);
});

test('a commit is on the disk before it is told: full synchronisation, in a write-ahead log', async (t) => {
  const database = await openHere(t);
  const ask = async (name: string) =>
    (await sql<Record<string, unknown>>`${sql.raw(`pragma ${name}`)}`.execute(database)).rows;
  assert.deepEqual(await ask('journal_mode'), [{ journal_mode: 'wal' }]);
  assert.deepEqual(await ask('synchronous'), [{ synchronous: 2 }]);
});

test('SQL cannot write over the pages of the file', async (t) => {
  const database = await openHere(t);
  await sql`create table t(a integer)`.execute(database);
  await sql`pragma writable_schema = on`.execute(database);
  await assert.rejects(sql`update sqlite_schema set sql = 'x'`.execute(database), /may not be modified/);
});

test('long work leaves the event loop alone', async (t) => {
  const database = await openHere(t);
  await sql`select 1`.execute(database);
  const delay = monitorEventLoopDelay({ resolution: 5 });
  const startMs = clock.now();
  delay.enable();
  await long.execute(database);
  delay.disable();
  const tookMs = clock.now() - startMs;
  assert.ok(tookMs > 100, `it took ${tookMs} ms only: nothing is shown`);
  assert.ok(delay.max / 1e6 < tookMs / 2, `the loop stood still for ${delay.max / 1e6} of ${tookMs} ms`);
});

test('work beyond the places in line is refused, and what waits is done', async (t) => {
  const database = await openHere(t, 3);
  const one = () => sql`select 1 as one`.execute(database);
  const settled = await Promise.allSettled([one(), one(), one(), one(), one(), one()]);
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'],
  );
  for (const result of settled) if (result.status === 'rejected') assert.ok(unavailable(result.reason));
  assert.deepEqual((await one()).rows, [{ one: 1 }]);
});

test('a file that is no database is an outage with a reason, and when it is mended work goes on', async (t) => {
  const dataDir = await temporaryFolder(t);
  const path = join(dataDir, 'millrace.sqlite');
  await mkdir(path);
  const store = await openTestStore(t, 'sqlite', { dataDir });
  await assert.rejects(store.ledger.append([aRow()]), unavailable);
  await assert.rejects(store.migrate(), unavailable);
  await assert.rejects(store.check(), unavailable);
  await rmdir(path);
  await store.ledger.append([aRow()]);
  assert.deepEqual(
    store.troubles.map((trouble) => trouble !== undefined),
    [true, false],
  );
});

test('a damaged file is an outage that says so', async (t) => {
  const dataDir = await temporaryFolder(t);
  await writeFile(join(dataDir, 'millrace.sqlite'), 'x'.repeat(8_192));
  const store = await openTestStore(t, 'sqlite', { dataDir });
  await assert.rejects(
    store.migrate(),
    (error) => unavailable(error) && /not a database/.test(String(error)),
  );
});

test('a process that is killed loses nothing that it was told is kept', async (t) => {
  const dataDir = await temporaryFolder(t);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'append-for-ever.ts'), dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let told = '';
  child.stdout.setEncoding('utf8');
  for await (const text of child.stdout) {
    told += text;
    if (told.split('\n').length > 20) break;
  }
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  const ids = told.split('\n').slice(0, -1);
  const store = await openTestStore(t, 'sqlite', { dataDir });
  const year = { fromDay: '2026-01-01', toDay: '2027-01-01', where: {} };
  const kept = new Set((await store.ledger.page({ ...year, rowsMax: 10_000 })).rows.map(({ id }) => id));
  assert.deepEqual(
    ids.filter((id) => !kept.has(id)),
    [],
  );
  const [total] = await store.ledger.sum({ ...year, by: [], rowsMax: 1 });
  assert.equal(total?.exchanges, kept.size);
});

test('when it is closed, what was begun is finished and what waits is refused', async (t) => {
  const path = join(await temporaryFolder(t), 'store.sqlite');
  const database = openSqlite({ path, clock });
  await sql`create table t(a integer)`.execute(database);
  const { closing, waiting } = await database.transaction().execute(async (transaction) => {
    await sql`insert into t values (1)`.execute(transaction);
    const refused = assert.rejects(sql`insert into t values (3)`.execute(database), unavailable);
    const closed = database.destroy();
    await sql`insert into t values (2)`.execute(transaction);
    return { closing: { closed }, waiting: { refused } };
  });
  await closing.closed;
  await waiting.refused;
  const again = openSqlite({ path, clock });
  t.after(() => again.destroy());
  assert.deepEqual((await sql`select a from t order by a`.execute(again)).rows, [{ a: 1 }, { a: 2 }]);
});

test('a thread that ends takes its transaction with it, rejects what it had, and the next work starts another', async (t) => {
  const threads: Worker[] = [];
  const seen = (worker: Worker) => threads.push(worker);
  process.on('worker', seen);
  t.after(() => process.off('worker', seen));
  const database = await openHere(t);
  await sql`create table t(a integer)`.execute(database);
  const broken = database.transaction().execute(async (transaction) => {
    await sql`insert into t values (1)`.execute(transaction);
    const counting = assert.rejects(long.execute(transaction), unavailable);
    await threads[0]?.terminate();
    await counting;
    await sql`insert into t values (2)`.execute(transaction);
  });
  await assert.rejects(broken, (error) => unavailable(error) && /database stopped/.test(String(error)));
  assert.deepEqual((await sql`select a from t`.execute(database)).rows, []);
  assert.equal(threads.length, 2);
});

test('a full disk is an outage, nothing of the batch is kept, and with room again it is', async (t) => {
  const database = await openHere(t);
  await sql`create table t(a text)`.execute(database);
  await sql`pragma max_page_count = 8`.execute(database);
  const fill = () =>
    database.transaction().execute(async (transaction) => {
      for (let row = 0; row < 40; row += 1) {
        await sql`insert into t values (${'x'.repeat(1_000)})`.execute(transaction);
      }
    });
  await assert.rejects(fill(), (error) => unavailable(error) && /full/.test(String(error)));
  assert.deepEqual((await sql`select count(*) as rows from t`.execute(database)).rows, [{ rows: 0 }]);
  await sql`pragma max_page_count = 1000`.execute(database);
  await fill();
});
