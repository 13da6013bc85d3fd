import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { isListening, until } from './listening.ts';
import { openPostgresServer, type PostgresServer } from './postgres-server.ts';
import { areRunning, treeOf } from './process-tree.ts';

let postgres: PostgresServer;
before(async () => {
  postgres = await openPostgresServer();
});
after(() => postgres.stop());

test('a PostgreSQL answers, in UTF-8', async () => {
  assert.deepEqual(await query(postgres.url, 'SHOW server_encoding'), [{ server_encoding: 'UTF8' }]);
});

test('two PostgreSQL servers at once are two', async () => {
  const other = await openPostgresServer();
  assert.notEqual(other.port, postgres.port);
  await query(postgres.url, 'CREATE TABLE mine ()');
  await assert.rejects(query(other.url, 'SELECT FROM mine'), { code: '42P01' });
  await other.stop();
  // The last of a killed process's threads may be a moment behind the first.
  await until(async () => !(await isListening(other.port)));
});

test('each database is fresh, also of those made at the same time', async () => {
  const urls = await Promise.all([1, 2, 3].map(() => postgres.createDatabase()));
  assert.equal(new Set(urls).size, 3);
  for (const url of urls) await query(url, 'CREATE TABLE same ()');
});

test('a PostgreSQL asks for its password', async () => {
  const url = new URL(postgres.url);
  url.password = 'wrong';
  await assert.rejects(query(url.href, 'SELECT 1'), { code: '28P01' });
});

test('a PostgreSQL takes settings, and those of a test win', async () => {
  const durable = await openPostgresServer({ config: { fsync: 'on', max_connections: '7' } });
  assert.deepEqual(await query(durable.url, 'SHOW fsync'), [{ fsync: 'on' }]);
  assert.deepEqual(await query(durable.url, 'SHOW max_connections'), [{ max_connections: '7' }]);
  await durable.stop();
});

test('a PostgreSQL that does not come up is told with its log, and leaves nothing', async () => {
  await assert.rejects(
    openPostgresServer({ config: { no_such_setting: '1' } }),
    /ended while starting.*no_such_setting/s,
  );
});

test('a killed PostgreSQL takes its connections along, and comes back with what was committed', async () => {
  const client = await connected(postgres.url);
  const lost = new Promise<void>((resolve) => client.once('end', resolve));
  await client.query('CREATE TABLE committed (n int); INSERT INTO committed VALUES (7)');
  const processes = treeOf(postgres.pid);
  postgres.kill();
  await lost;
  await until(() => !areRunning(processes));
  // The last of a killed process's threads may be a moment behind the first.
  await until(async () => !(await isListening(postgres.port)));
  const { port } = postgres;
  await postgres.restart();
  assert.equal(postgres.port, port);
  assert.deepEqual(await query(postgres.url, 'SELECT n FROM committed'), [{ n: 7 }]);
});

test('a restart tells the clients of a PostgreSQL that runs', async () => {
  const client = await connected(postgres.url);
  const told = once(client, 'error');
  await postgres.restart();
  assert.equal((await told)[0].code, '57P01');
  assert.deepEqual(await query(postgres.url, 'SELECT 1 AS one'), [{ one: 1 }]);
});

test('a paused PostgreSQL keeps its connections and answers nothing until it resumes', async () => {
  const client = await connected(postgres.url);
  postgres.pause();
  const answered = client.query('SELECT 1 AS one').then(({ rows }) => rows);
  // It is stopped, not slow: what it would answer at once is still not there.
  assert.equal(await Promise.race([answered, wait(100, 'silence')]), 'silence');
  postgres.resume();
  assert.deepEqual(await answered, [{ one: 1 }]);
  await client.end();
});

test('a paused PostgreSQL can be stopped', async () => {
  const other = await openPostgresServer();
  other.pause();
  await other.stop();
  // The last of a killed process's threads may be a moment behind the first.
  await until(async () => !(await isListening(other.port)));
});

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  // A server that goes away is what some of these tests are about.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = await connected(url);
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
