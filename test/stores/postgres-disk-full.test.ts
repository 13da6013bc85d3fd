/** DP14: a PostgreSQL whose disk is full (53100), and two replicas in front of it. */
import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Client } from 'pg';
import { assertAccounted, dearAndFree, openAsker } from '../faults/dear-and-free.ts';
import { keepMakingKeys } from '../faults/new-callers.ts';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { makeStoredKey, statusWith } from '../stored-keys.ts';
import { openGatedLlm } from '../upstream/gated-llm.ts';
import { fileBytesMax, filledUp, limitFiles } from './full-disk.ts';

/** Of the second replica: what waits for the ledger soon fills it. */
const spoolBytesMax = 64 * 1024;
const identity = { pepper: 'd3Wx71nVhT2pLw0Xc9Rf5KsBn4Yd6GjEa' };

test('DP14: with its disk full every answer of two replicas goes on and is told of, a spool grows to its cap, known and new keys are let in and only wrong ones called wrong, and no row is missing or there twice afterwards', async (t) => {
  const { url, client, llm, replicas } = await open(t);
  const [one, two] = replicas;
  const asker = openAsker();
  const { ask, statusOf } = asker;
  for (const replica of replicas) assert.equal(await statusOf(replica, 'dear'), 200);
  await until('both rows are kept', async () => (await countOf(one)) === 2);

  const key = await makeStoredKey(one, { name: 'ci' });
  await until('both know it', async () => (await statusWith(two, key)) === 200);
  const callers = keepMakingKeys(replicas);
  await until('each has made one', () => (callers.made[200] ?? 0) >= 2);
  await limitFiles(client, String(fileBytesMax));
  const full = await filledUp(client, { table: 'ledger', key: 'id' });
  assert.equal(full, '53100', 'the server says that its disk is full');

  for (let round = 0; round < 10; round += 1)
    for (const replica of replicas)
      for (const model of ['dear', 'free'] as const) assert.equal(await statusOf(replica, model), 200);
  for (const replica of replicas) {
    await until(
      'it is told',
      async () => (await ask(replica, 'free')).headers.get('x-millrace-degraded') === 'store',
    );
    assert.ok(replica.lines.some((line) => line.includes('wait in the spool')));
  }

  await until('the smaller spool is full', async () => (await statusOf(two, 'dear')) === 503);
  assert.ok((await bytesIn(join(two.data, 'spool'))) <= spoolBytesMax);
  for (let round = 0; round < 5; round += 1) {
    assert.equal(await statusOf(two, 'dear'), 503);
    for (const replica of replicas) assert.equal(await statusOf(replica, 'free'), 200);
    assert.equal(await statusOf(one, 'dear'), 200);
  }
  assert.ok((await bytesIn(join(two.data, 'spool'))) <= spoolBytesMax);

  // What is there can be read on a full disk: who is not among it was never made.
  const unmade = callers.unmade[401] ?? 0;
  await until('wrong keys are told', () => (callers.unmade[401] ?? 0) >= unmade + 4);
  for (const replica of replicas) assert.equal(await statusWith(replica, key), 200);
  await limitFiles(client, 'unlimited');
  await callers.end();
  t.diagnostic(
    `used as soon as made: ${JSON.stringify(callers.made)}, never made: ${JSON.stringify(callers.unmade)}, not made: ${callers.notMade}`,
  );
  await until('it takes what costs money again', async () => (await statusOf(two, 'dear')) === 200);
  await assertAccounted(url, asker.answered, llm);
  // Who has room loses nothing, also of what costs nothing.
  assert.equal(one.gateway.lasting.spool.lost, 0);
});

async function open(t: TestContext) {
  const [server, redis, llm] = await Promise.all([openPostgresServer(), openRedisServer(), openGatedLlm(t)]);
  const url = await server.createDatabase();
  const config = { store: url, shared: redis.url, identity, ...dearAndFree(llm) };
  const replicas = await Promise.all([
    openTestGateway({ config }),
    openTestGateway({ config: { ...config, spool: { bytes: spoolBytesMax } } }),
  ]);
  const client = new Client({ connectionString: url });
  // It may outlive the server by a moment.
  client.on('error', () => undefined);
  await client.connect();
  t.after(async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
    await client.end().catch(() => undefined);
    await Promise.all([server.stop(), redis.stop()]);
  });
  return { url, client, llm, replicas };
}

/** Of all that lies there. */
async function bytesIn(folder: string): Promise<number> {
  const sizes = await Promise.all(
    (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function countOf({ gateway }: TestGateway): Promise<number> {
  const question = { fromDay: '2026-01-01', toDay: '2100-01-01', by: [], where: {}, rowsMax: 1 } as const;
  const [sum] = await gateway.lasting.store.ledger.sum(question);
  return sum?.exchanges ?? 0;
}
