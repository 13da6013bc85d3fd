// Keys that gateways share by PostgreSQL: how soon all know of a change, and what holds while it is away.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import type { DependencyReport } from '../../src/answers/dependencies.ts';
import { makeKey } from '../../src/identity/api-key.ts';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway, type TestGatewayOptions } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { askWith, makeStoredKey, revoke, statusWith } from '../stored-keys.ts';
import { startOnChanged } from './changed-snapshot.ts';
import { temporaryFolder } from './databases.ts';
import { openOperator } from './redis-rig.ts';

let redis: RedisServer;
let postgres: PostgresServer;

before(async () => {
  [redis, postgres] = await Promise.all([openRedisServer(), openPostgresServer()]);
});

after(() => Promise.all([redis.stop(), postgres.stop()]));

const identity = { pepper: 'x7Qz81mVhT2pLw0Xc9Rf5KsBn4Yd6GjEa' };
const changeMs = 5_000;

async function openOne(t: TestContext, options: TestGatewayOptions): Promise<TestGateway> {
  const gateway = await openTestGateway(options);
  t.after(() => gateway.close());
  return gateway;
}

async function openTwo(t: TestContext, config: object): Promise<readonly [TestGateway, TestGateway]> {
  const store = await postgres.createDatabase();
  const options = { config: { store, identity, ...config } };
  return Promise.all([openOne(t, options), openOne(t, options)]);
}

/** Asks both all the time, until it is called. Gives when each last let the key in, and every other status. */
function keepAsking(gateways: readonly TestGateway[], key: string) {
  let asking = true;
  const seen = { admittedAtMs: 0, asked: 0, others: new Set<number>() };
  const ask = async (gateway: TestGateway) => {
    while (asking) {
      const status = await statusWith(gateway, key);
      seen.asked += 1;
      if (status === 200) seen.admittedAtMs = performance.now();
      else seen.others.add(status);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const all = Promise.all(gateways.flatMap((gateway) => [ask(gateway), ask(gateway)]));
  return async () => {
    asking = false;
    await all;
    return seen;
  };
}

/** What becomes of the channel by which replicas tell each other; gives what ends it. */
type Channel = (t: TestContext) => Promise<() => unknown>;

const channels: Readonly<Record<string, Channel>> = {
  '': async () => () => undefined,
  ', also with Redis dead': async () => {
    redis.kill();
    return () => redis.restart();
  },
  ', also while Redis cuts whoever listens, again and again': async (t) => {
    const operator = await openOperator(redis.url);
    t.after(async () => operator.destroy());
    const cut = () => operator.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']).catch(() => undefined);
    const timer = setInterval(() => void cut(), 25);
    return () => clearInterval(timer);
  },
};

for (const [name, spoil] of Object.entries(channels)) {
  test(`G3: a key made at one gateway opens at both, and revoked at one opens at none within 5 s${name}`, async (t) => {
    const two = await openTwo(t, { shared: redis.url });
    t.after(await spoil(t));
    await revokedInTime(two, name === '' ? 1_000 : changeMs);
  });
}

test('G3: a key revoked at one opens at none within 5 s, also by a Redis that is well and delivers nothing', async (t) => {
  // Each has one of its own, so that no message of one is ever heard by the other, and neither misses anything.
  const deaf = await openRedisServer();
  t.after(() => deaf.stop());
  const config = { store: await postgres.createDatabase(), identity };
  const two = await Promise.all(
    [redis, deaf].map(({ url }) => openOne(t, { config: { ...config, shared: url } })),
  );
  const [one, other] = two;
  assert.ok(one !== undefined && other !== undefined);
  await revokedInTime([one, other], changeMs);
  assert.deepEqual(
    two.map(({ gateway }) => gateway.lasting.degraded()),
    ['', ''],
  );
});

async function revokedInTime(two: readonly [TestGateway, TestGateway], mostMs: number): Promise<void> {
  const [one, other] = two;
  const key = await makeStoredKey(one, { name: 'ci' });
  assert.equal(await statusWith(one, key), 200);
  const madeMs = performance.now();
  await until('it opens at the other', async () => (await statusWith(other, key)) === 200);
  assert.ok(performance.now() - madeMs < mostMs);
  const stop = keepAsking(two, key);
  const askingMs = performance.now();
  await until('they are asked', () => performance.now() - askingMs > 200);
  const revokedMs = performance.now();
  assert.equal(await revoke(other, 'ci'), true);
  await until('neither lets it in', async () => (await statusWith(one, key)) === 401);
  const quietMs = performance.now();
  await until('it stays so', () => performance.now() - quietMs > 500);
  const seen = await stop();
  assert.ok(seen.admittedAtMs - revokedMs < mostMs, `${seen.admittedAtMs - revokedMs} ms`);
  assert.deepEqual([...seen.others], [401], `${seen.asked} asked`);
}

test('DP9, G5: without PostgreSQL known keys open, others may be right: 503 and never 401; then all is as before', async (t) => {
  const [one] = await openTwo(t, {});
  const key = await makeStoredKey(one, { name: 'ci' });
  assert.deepEqual([await statusWith(one, key), await statusWith(one, makeKey())], [200, 401]);
  postgres.kill();
  await until('it cannot know any more', async () => (await statusWith(one, makeKey())) === 503);
  const reply = await askWith(one, makeKey());
  assert.equal(reply.status, 503);
  assert.match(reply.headers.get('retry-after') ?? '', /^\d+$/);
  assert.match(await reply.text(), /dependency_unavailable/);
  assert.equal(await statusWith(one, 'no key of ours at all'), 401);
  assert.equal(await statusWith(one, one.key), 200, 'keys of the configuration hang on no store');
  await assert.rejects(makeStoredKey(one, { name: 'late' }), { code: 'dependency_unavailable' });
  for (let turn = 0; turn < 20; turn += 1) assert.equal(await statusWith(one, key), 200);
  await postgres.restart();
  const backMs = performance.now();
  while ((await statusWith(one, makeKey())) !== 401) {
    assert.ok(performance.now() - backMs < 10_000, 'it knows again');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

test('DP9: known keys go on for as long as the configuration says, and are then nobody’s fault but ours', async (t) => {
  const clock = createHeldClock();
  const config = { store: await postgres.createDatabase(), identity: { ...identity, knownForMs: 900_000 } };
  const gateway = await openOne(t, { clock, config });
  const key = await makeStoredKey(gateway, { name: 'ci' });
  assert.equal(await statusWith(gateway, key), 200);
  postgres.kill();
  t.after(() => postgres.restart());
  clock.advance(899_000);
  assert.equal(await statusWith(gateway, key), 200);
  clock.advance(1_000);
  assert.equal(await statusWith(gateway, key), 503);
});

test('DP16, G22: two replicas start with both stores down, serve by a snapshot of their own the keys that they knew, and are whole by themselves', async (t) => {
  // Before the folders go: what is set up first is taken down first.
  const opened: TestGateway[] = [];
  t.after(() => Promise.all(opened.map((gateway) => gateway.close())));
  const folders = [await temporaryFolder(t), await temporaryFolder(t)];
  const config = { store: await postgres.createDatabase(), shared: redis.url, identity };
  const start = () => Promise.all(folders.map((data) => openTestGateway({ config, data })));
  const before = await start();
  const [maker, hearer] = before;
  assert.ok(maker !== undefined && hearer !== undefined);
  const key = await makeStoredKey(maker, { name: 'ci' });
  const viewer = await makeStoredKey(maker, { name: 'looks', role: 'viewer' });
  const gone = await makeStoredKey(maker, { name: 'gone' });
  await revoke(maker, 'gone');
  await until('the other has heard of all', async () => (await statusWith(hearer, viewer)) === 403);
  await Promise.all(before.map((gateway) => gateway.close()));
  for (const data of folders) {
    const snapshot = await readFile(join(data, 'keys-snapshot'), 'utf8');
    assert.ok(!snapshot.includes(key));
  }
  redis.kill();
  postgres.kill();
  const startMs = performance.now();
  const replicas = await start();
  opened.push(...replicas);
  assert.ok(performance.now() - startMs < 5_000, 'they wait for neither');
  const said: string[] = [];
  for (const gateway of replicas) {
    said.push(...(await servesWhomItKnew(gateway, key)));
    assert.equal(await statusWith(gateway, viewer), 403, 'who may look goes on to, and may do no more');
    for (const unknown of [gone, makeKey()]) assert.equal(await statusWith(gateway, unknown), 503);
  }
  await Promise.all([redis.restart(), postgres.restart()]);
  for (const gateway of replicas) {
    await until('it knows all', async () => (await statusWith(gateway, gone)) === 401);
    assert.deepEqual([await statusWith(gateway, key), await statusWith(gateway, viewer)], [200, 403]);
  }
  const kept = async () => (await replicas[0]?.gateway.lasting.store.ledger.page(everyDay))?.rows ?? [];
  await until('what was said meanwhile is in the ledger', async () => (await kept()).length >= said.length);
  const rows = (await kept()).filter(({ id }) => said.includes(id));
  assert.deepEqual(
    rows.map(({ key: name, outcome, outputTokens }) => [name, outcome, outputTokens]),
    said.map(() => ['ci', 'complete', 4]),
  );
});

/** A whole answer and a stream, and it says what it goes without. Gives their ids. */
async function servesWhomItKnew(gateway: TestGateway, key: string): Promise<readonly string[]> {
  assert.equal((await fetch(`${gateway.url}/readyz`)).status, 200);
  const said = await chatWith(gateway, key);
  assert.deepEqual([said.status, said.completionTokens], [200, 4], said.text);
  assert.equal(said.degraded, 'shared, store');
  const ready = await fetch(`${gateway.url}/readyz`);
  assert.deepEqual(
    [ready.status, await ready.json()],
    [200, { status: 'ready', degraded: ['shared', 'store'] }],
  );
  const report = (await (await fetch(`${gateway.url}/healthz/deps`)).json()) as DependencyReport;
  const away = report.dependencies.filter(({ state }) => state === 'away').map(({ name }) => name);
  assert.deepEqual([report.status, away.slice(0, 2)], ['degraded', ['shared', 'store']], 'G22');
  const streamed = await chatWith(gateway, key, { stream: true });
  assert.equal(streamed.status, 200);
  assert.match(streamed.text, /data: \[DONE\]\s*$/);
  return [said.id, streamed.id];
}

const everyDay = { fromDay: '2000-01-01', toDay: '2100-01-01', where: {}, rowsMax: 1_000 };

/** A call of a model, by a stored key. */
async function chatWith({ url }: TestGateway, key: string, more: object = {}) {
  const messages = [{ role: 'user', content: 'hi' }];
  const reply = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'simulator', max_tokens: 4, messages, ...more }),
  });
  const text = await reply.text();
  return {
    text,
    status: reply.status,
    completionTokens: Number(/"completion_tokens":(\d+)/.exec(text)?.[1]),
    degraded: reply.headers.get('x-millrace-degraded'),
    id: reply.headers.get('x-millrace-id') ?? '',
  };
}

test('DP16: without a snapshot it is up but not ready, and refuses nobody, until it has read the keys once', async (t) => {
  const config = { store: await postgres.createDatabase(), identity };
  postgres.kill();
  const gateway = await openOne(t, { config });
  assert.equal((await fetch(`${gateway.url}/livez`)).status, 200);
  const reply = await fetch(`${gateway.url}/readyz`);
  const { status: state } = (await reply.json()) as { status: string };
  assert.deepEqual([reply.status, state], [503, 'starting']);
  assert.equal(await statusWith(gateway, makeKey()), 503);
  assert.equal(await statusWith(gateway, gateway.key), 200);
  await postgres.restart();
  await until('it is ready', async () => (await fetch(`${gateway.url}/readyz`)).status === 200);
  assert.equal(await statusWith(gateway, makeKey()), 401);
  postgres.kill();
  await until('it cannot know any more', async () => (await statusWith(gateway, makeKey())) === 503);
  assert.equal((await fetch(`${gateway.url}/readyz`)).status, 200, 'G22: by the policy that holds');
  await postgres.restart();
});

test('DP16: a snapshot that was tampered with, is older than a day, or was signed by another pepper or of another store opens nothing and refuses nobody', async (t) => {
  const data = await temporaryFolder(t);
  const file = join(data, 'keys-snapshot');
  const clock = createHeldClock();
  const config = { store: await postgres.createDatabase(), identity };
  const before = await openTestGateway({ config, data, clock });
  const key = await makeStoredKey(before, { name: 'ci', role: 'developer' });
  await before.close();
  const text = await readFile(file, 'utf8');
  postgres.kill();
  t.after(() => postgres.restart());
  const clockAfter = (ms: number) => createHeldClock(clock.wall() + ms);
  const statusAt = (gateway: TestGateway) => statusWith(gateway, key);
  await startOnChanged({ data, file, text, config, clockAfter, statusAt }, [
    { text: text.replace('"developer"', '"owner"'), told: /not signed/ },
    { text: '', told: /not signed/ },
    { config: { identity: { pepper: 'another-2pLw0Xc9Rf5KsBn4Yd6GjEa7Qz81mVh' } }, told: /not signed/ },
  ]);
});

test('gateways that do not share a pepper say so, and refuse nobody for it', async (t) => {
  const config = { store: await postgres.createDatabase(), shared: redis.url };
  const one = await openOne(t, { config });
  const other = await openOne(t, { config });
  const key = await makeStoredKey(one, { name: 'ci' });
  assert.equal(await statusWith(one, key), 200);
  await until('the other has heard of it', () => other.lines.some((line) => /identity\.pepper/.test(line)));
  assert.equal(await statusWith(other, key), 503);
});
