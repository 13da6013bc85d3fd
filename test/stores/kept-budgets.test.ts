// What a gateway knew of budgets when it last looked: it starts with both stores down, and gives away a part of what was left.
import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { ledgerRows } from '../security/spending-rig.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { makeStoredKey } from '../stored-keys.ts';
import { startOnChanged } from './changed-snapshot.ts';
import { temporaryFolder } from './databases.ts';

let redis: RedisServer;
let postgres: PostgresServer;

before(async () => {
  [redis, postgres] = await Promise.all([openRedisServer(), openPostgresServer()]);
});

after(() => Promise.all([redis.stop(), postgres.stop()]));

const identity = { pepper: 'x7Qz81mVhT2pLw0Xc9Rf5KsBn4Yd6GjEa' };
/** Of 100 requests in all; while nobody can be asked 5 of them. */
const budgets = [
  { per: 'key', requests: 100, window: 'total' },
  { per: 'key', of: 'spent', requests: 3, window: 'total' },
];

async function ask({ url }: TestGateway, key: string) {
  const reply = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'simulator',
      max_tokens: 4,
      messages: [{ role: 'user', content: 'hi' }],
    }),
  });
  return { status: reply.status, text: await reply.text() };
}

async function statuses(gateway: TestGateway, key: string, count: number): Promise<readonly number[]> {
  const seen: number[] = [];
  for (let at = 0; at < count; at += 1) seen.push((await ask(gateway, key)).status);
  return seen;
}

/** Opened by turns on one folder; the last is closed before the folder goes. */
async function openStarts(t: TestContext, config: object) {
  let running: TestGateway | undefined;
  t.after(() => running?.close());
  const data = await temporaryFolder(t);
  return async () => {
    await running?.close();
    running = await openTestGateway({ config: { ...config, budgets }, data });
    return running;
  };
}

const ok = (count: number) => Array.from({ length: count }, () => 200);

/** One that two keys have spent from, and a third has not. */
async function openSpent(t: TestContext, start: () => Promise<TestGateway>) {
  const first = await start();
  const [ci, spent, silent] = [
    await makeStoredKey(first, { name: 'ci' }),
    await makeStoredKey(first, { name: 'spent' }),
    await makeStoredKey(first, { name: 'silent' }),
  ];
  assert.deepEqual(await statuses(first, ci, 10), ok(10));
  assert.deepEqual(await statuses(first, spent, 4), [200, 200, 200, 429]);
  await ledgerRows(t, first, 14);
  return { first, ci, spent, silent };
}

for (const counted of ['in Redis', 'in memory'] as const) {
  test(`DP16, G19, G22: counted ${counted}, whoever has a budget is served at a start with the stores down, for a part of what was left`, async (t) => {
    const config = {
      store: await postgres.createDatabase(),
      identity,
      ...(counted === 'in Redis' ? { shared: redis.url } : {}),
    };
    const start = await openStarts(t, config);
    const { first, ci, spent, silent } = await openSpent(t, start);
    t.after(() => Promise.all([redis.restart(), postgres.restart()]));
    redis.kill();
    postgres.kill();
    await first.close();
    const second = await start();
    assert.deepEqual(await statuses(second, ci, 3), ok(3));
    assert.deepEqual(await statuses(second, spent, 1), [429], 'what was known to be spent is spent');
    const unknown = await ask(second, silent);
    assert.equal(unknown.status, 503);
    assert.match(unknown.text, /dependency_unavailable/);
    const third = await start();
    assert.deepEqual(await statuses(third, ci, 4), [200, 200, 503, 503], 'another start gives no more away');
    await postgres.restart();
    // What was given away is on its way there.
    const paid = async () =>
      (await ledgerRows(t, third, 23)).filter(({ key, upstream }) => key === 'ci' && upstream !== '');
    assert.equal((await paid()).length, 15);
    await redis.restart();
    await until('it is counted for all again', async () => (await ask(third, ci)).status === 200);
    assert.equal((await ask(third, silent)).status, 200);
    const standing = async (name: string) =>
      (await third.gateway.snapshot.budgets.standings()).find(({ holder }) => holder === `default/${name}`);
    await until('all is settled', async () => (await standing('ci'))?.reserved === 0);
    assert.deepEqual([(await standing('ci'))?.spent, (await standing('silent'))?.spent], [16, 1]);
  });
}

test('DP2, DP9, G20: while the ledger is away, whoever has a budget is served for a part of what was left by a Redis that has forgotten it', async (t) => {
  const config = { store: await postgres.createDatabase(), identity, shared: redis.url };
  const start = await openStarts(t, config);
  const { first, ci, spent, silent } = await openSpent(t, start);
  await first.close();
  t.after(() => postgres.restart());
  postgres.kill();
  redis.kill();
  await redis.restart();
  const second = await start();
  assert.deepEqual(await statuses(second, ci, 3), ok(3));
  assert.deepEqual(await statuses(second, spent, 1), [429], 'what was known to be spent is spent');
  assert.equal((await ask(second, silent)).status, 503, 'of whom nothing is known, nobody can tell');
  // That Redis is told of them gives nothing more away.
  const counted = async ({ gateway }: TestGateway) =>
    (await gateway.snapshot.budgets.standings()).find(({ holder }) => holder === 'default/ci');
  assert.equal(await counted(second), undefined);
  const third = await start();
  assert.deepEqual(await statuses(third, ci, 4), [200, 200, 503, 503], 'another start gives no more away');
  await postgres.restart();
  await until('it is counted for all again', async () => (await ask(third, ci)).status === 200);
  assert.equal((await ask(third, silent)).status, 200);
  await until('all is settled', async () => (await counted(third))?.reserved === 0);
  // Of what was given away by the start before, Redis and the ledger both know: rather twice than not at all.
  const known = (await counted(third))?.spent ?? 0;
  assert.ok(known >= 16 && known <= 19, `${known}`);
});

function laterBy(ms: number): Clock {
  const { now, after: runAfter, wall } = systemClock;
  return { now, after: runAfter, wall: () => wall() + ms };
}

test('DP16, G19: a key of the file alone is served as well, and a snapshot of budgets that is not this gateway’s tells nothing', async (t) => {
  const data = await temporaryFolder(t);
  const file = join(data, 'budgets-snapshot');
  const config = { store: await postgres.createDatabase(), budgets };
  const first = await openTestGateway({ config, data });
  assert.equal((await ask(first, first.key)).status, 200);
  await first.close();
  const text = await readFile(file, 'utf8');
  assert.match(text, /"spent":1,/);
  postgres.kill();
  t.after(() => postgres.restart());
  const statusAt = async (gateway: TestGateway) => (await ask(gateway, gateway.key)).status;
  await startOnChanged({ data, file, text, config, clockAfter: laterBy, statusAt }, [
    { text: text.replace('"spent":1,', '"spent":0,'), told: /not signed/ },
    {
      text: await readFile(join(data, 'keys-snapshot'), 'utf8').catch(() => ''),
      told: /not signed|something else/,
    },
  ]);
  const another = { ...config, identity: { pepper: 'another-2pLw0Xc9Rf5KsBn4Yd6GjEa7Qz81mVh' } };
  await writeFile(file, text);
  await rm(join(data, 'key-pepper'));
  const gateway = await openTestGateway({ config: another, data });
  const { status } = await ask(gateway, gateway.key);
  await gateway.close();
  assert.equal(status, 503);
  assert.match(gateway.lines.join('\n'), /snapshot of budgets.*not used|not signed/s);
});
