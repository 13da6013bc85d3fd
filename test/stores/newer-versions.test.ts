/**
 * What this version reads and a newer one may have written (P3): in Redis, in the store, in the spool and beside it. What is
 * said more than is known is passed over, and what is known of the rest is gone by.
 */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { sql } from 'kysely';
import { systemClock } from '../../src/lib/clock.ts';
import { createMemoryPresence } from '../../src/stores/memory/presence.ts';
import { createRedisBudgets } from '../../src/stores/redis/budgets.ts';
import { createRedisConversations } from '../../src/stores/redis/conversations.ts';
import { createRedisLeases } from '../../src/stores/redis/leases.ts';
import { createRedisRateLimiter } from '../../src/stores/redis/rate-limiter.ts';
import { parseSpoolLine } from '../../src/stores/spool/spool-lines.ts';
import { createStore } from '../../src/stores/sql/store.ts';
import { AppliedCopyFile, readAppliedCopy } from '../../src/wiring/applied-copy.ts';
import { daily, spendOf, subject } from '../conformance/budgets-rig.ts';
import { user } from '../conformance/conversations.ts';
import { aKey } from '../conformance/directory-drafts.ts';
import { aRow } from '../conformance/ledger.ts';
import { sqliteBackend, temporaryFolder } from './databases.ts';
import { createTestSealers, openRedisRig } from './redis-rig.ts';

const { operator, redis } = await openRedisRig();

/** Says more at every key that fits: a row that goes on, a field that nobody knows. */
async function sayMore(pattern: string): Promise<void> {
  const keys = await operator.keys(pattern);
  assert.ok(keys.length > 0, pattern);
  for (const key of keys) {
    const type = await operator.type(key);
    if (type === 'hash') await operator.hSet(key, 'newer', 'what it is for');
    if (type === 'string') {
      const leftMs = await operator.pTTL(key);
      await operator.append(key, ' 7 newer');
      assert.ok(leftMs > 0);
    }
  }
}

test('P3: a lease that says more than is known is a lease, and stays as it is', async () => {
  await operator.flushAll();
  const key = 'millrace:{slots}:server';
  const claim = { upstream: 'server', slots: 4, held: 0, wanted: 4, heard: false };
  const [newer, older] = ['newer', 'older'].map((id) => createRedisLeases({ redis, id }));
  assert.equal((await newer?.renew([{ ...claim, held: 4 }]))?.[0]?.slots, 4);
  const row = `${await operator.hGet(key, 'newer')} 0 - zone`;
  await operator.hSet(key, 'newer', row);
  assert.equal((await older?.renew([claim]))?.[0]?.slots, 0, 'the newer one holds them all');
  assert.equal(await operator.hGet(key, 'newer'), row);
});

test('P3: a level of tokens that says more than is known still counts', async () => {
  await operator.flushAll();
  const limits = [{ per: 'key', tokens: { count: 1, perMs: 3_600_000 }, burstTokens: 1_000 } as const];
  const limiter = createRedisRateLimiter(limits, { redis, clock: systemClock, replicas: () => 1 });
  const caller = { key: 'k', user: '', team: '', tenant: 't', address: 'a', route: '/' };
  const take = async (tokens: number) =>
    (await limiter.take({ ...caller, call: { model: 'm', tokens } })).allowed;
  assert.equal(await take(700), true);
  await sayMore('*');
  assert.equal(await take(700), false);
  assert.equal(await take(200), true);
});

test('P3: accounts of budgets that say more than is known still count', async () => {
  await operator.flushAll();
  const budgets = createRedisBudgets([daily(10)], {
    redis,
    clock: systemClock,
    presence: createMemoryPresence(),
    spentBefore: () => Promise.resolve(0),
    onCrossed: () => {},
  });
  assert.equal((await budgets.reserve(subject, spendOf(7))).allowed, true);
  await sayMore('*');
  assert.equal((await budgets.reserve(subject, spendOf(7))).allowed, false);
  assert.equal((await budgets.reserve(subject, spendOf(2))).allowed, true);
  await budgets.drain();
});

test('P3: a conversation whose turns say more than is known is read, and goes on with it', async () => {
  await operator.flushAll();
  const bounds = { ttlS: 60, bytesMax: 1e9, messagesMax: 1_000, conversationBytesMax: 1e6 };
  const kept = createRedisConversations(bounds, { redis, sealers: createTestSealers() });
  const ada = { tenant: 't', user: 'ada' };
  await kept.append(ada, 'one', [Object.assign(user('hi'), { mood: 'newer' })]);
  assert.deepEqual(await kept.read(ada, 'one'), [{ ...user('hi'), mood: 'newer' }]);
});

test('P3: a line of the spool that says more than is known is a row, and one that nothing is known of is none', () => {
  const known = { id: 'x', outcome: 'complete', at: 5, tenant: 't', costNanoUsd: 3 };
  const row = parseSpoolLine(JSON.stringify(known));
  assert.deepEqual(parseSpoolLine(JSON.stringify({ ...known, region: 'newer', parts: [{}] })), row);
  assert.equal(parseSpoolLine(JSON.stringify({ newer: 'x', at: 5 })), undefined);
});

test('P3: a copy of the applied configuration that says more than is known is read', async (t) => {
  const folder = await temporaryFolder(t);
  const version = {
    number: 1,
    atMs: 1,
    by: 'me',
    source: 'file' as const,
    note: '',
    fileDigest: 'd',
    masked: false,
    text: 'x',
    vouched: ['10.0.0.1:80'],
  };
  await new AppliedCopyFile(folder).write({ version, fileDigest: 'd' });
  const path = join(folder, 'applied-config.json');
  const copy = JSON.parse(await readFile(path, 'utf8'));
  await writeFile(path, JSON.stringify({ ...copy, newer: 1, version: { ...copy.version, newer: 1 } }));
  assert.deepEqual(await readAppliedCopy(folder), { version, fileDigest: 'd' });
});

test('P3: tables that have columns more, and a directory with a kind more, are read and written', async (t) => {
  const path = join(await temporaryFolder(t), 'store.sqlite');
  const backend = sqliteBackend(t, path);
  const store = createStore(backend, { clock: systemClock, onTrouble: (trouble) => assert.ifError(trouble) });
  t.after(() => store.close());
  await store.directory.put(aKey('default', 'before'));
  await backend.write(async (database) => {
    const { rows } = await sql<{ name: string }>`select name from sqlite_master where type = 'table'`.execute(
      database,
    );
    for (const { name } of rows.filter((row) => !row.name.startsWith('sqlite_'))) {
      await sql`alter table ${sql.table(name)} add column newer text`.execute(database);
    }
    await sql`update directory_version set version = version + 1`.execute(database);
    await sql`insert into directory (kind, tenant, name, version, created_at_ms, active, team, user, role, digest, previous_digest,
      previous_until_ms, expires_at_ms, removed_at_ms, rest, newer)
      select 'robot', 'default', 'r2', version, 0, 1, '', '', 'pilot', '', '', 0, 0, 0, '[]', 'x' from directory_version`.execute(
      database,
    );
  });
  const before = await store.directory.changes(0, 100);
  assert.ok(before.entries.some(({ name }) => name === 'before'));
  assert.ok(before.entries.every((entry) => entry !== undefined && entry.name !== 'r2'));
  await store.directory.put(aKey('default', 'after'));
  const { entries } = await store.directory.changes(before.version, 100);
  assert.deepEqual(
    entries.map(({ name }) => name),
    ['after'],
    'and whoever follows comes past it',
  );
  const row = aRow();
  await store.ledger.append([row]);
  assert.deepEqual(
    (await store.ledger.page({ fromDay: '2000-01-01', toDay: '2100-01-01', where: {}, rowsMax: 10 })).rows,
    [row],
  );
});
