// Two whole gateways that share PostgreSQL and Redis: what is applied on one is in force on both, and stays.
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { keyOf, openTestAdmin, roleKeys, type TestAdmin } from '../admin-rig.ts';
import { until } from '../faults/rig.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';

let redis: RedisServer;
let postgres: PostgresServer;

before(async () => {
  [redis, postgres] = await Promise.all([openRedisServer(), openPostgresServer()]);
});
after(() => Promise.all([redis.stop(), postgres.stop()]));

async function openReplicas(t: TestContext, shared: string): Promise<readonly [TestAdmin, TestAdmin]> {
  const config = { store: await postgres.createDatabase(), shared };
  const one = await openTestAdmin({ config });
  t.after(() => one.close());
  const two = await openTestAdmin({ config });
  t.after(() => two.close());
  return [one, two];
}

async function apply(admin: TestAdmin, places: number) {
  const { body, headers } = await admin.ask('config');
  const text = JSON.stringify({ ...parse(body.text), queue: { places } });
  return await admin.ask('config', {
    method: 'PUT',
    body: { text },
    headers: { 'if-match': headers.get('etag') ?? '' },
  });
}

const placesOf = ({ gateway }: TestAdmin) => gateway.gateway.snapshot.config.queue.places;

async function inForce(admin: TestAdmin, places: number, withinMs: number): Promise<void> {
  const startMs = performance.now();
  await until(`${places} places`, async () => placesOf(admin) === places);
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs < withinMs, `${tookMs} ms`);
}

async function ask({ gateway }: TestAdmin): Promise<number> {
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'simulator', max_tokens: 2, messages: [{ role: 'user', content: 'hi' }] }),
  });
  await answer.arrayBuffer();
  return answer.status;
}

test('G24: what is applied on one is in force on both within seconds, and no request fails for it', async (t) => {
  const [one, two] = await openReplicas(t, redis.url);
  const statuses: number[] = [];
  let isDone = false;
  const load = [one, two, one, two].map(async (admin) => {
    while (!isDone) statuses.push(await ask(admin));
  });
  for (const [admin, places] of [
    [one, 11],
    [two, 12],
    [one, 13],
  ] as const) {
    const put = await apply(admin, places);
    assert.equal(put.status, 200, JSON.stringify(put.body));
    await Promise.all([inForce(one, places, 5_000), inForce(two, places, 5_000)]);
  }
  isDone = true;
  await Promise.all(load);
  assert.ok(statuses.length > 20);
  assert.deepEqual(
    statuses.filter((status) => status !== 200),
    [],
  );
  const [shownOne, shownTwo] = await Promise.all([one.ask('config'), two.ask('config')]);
  assert.equal(shownOne.body.text, shownTwo.body.text);
  assert.equal(shownOne.headers.get('etag'), shownTwo.headers.get('etag'));
});

test('of two that apply at once on two replicas one is refused, and both have what the other said', async (t) => {
  const [one, two] = await openReplicas(t, redis.url);
  await apply(one, 20);
  await inForce(two, 20, 5_000);
  const answers = await Promise.all([apply(one, 21), apply(two, 22)]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412]);
  const places = answers[0]?.status === 200 ? 21 : 22;
  await Promise.all([inForce(one, places, 5_000), inForce(two, places, 5_000)]);
});

test('without Redis a replica finds within five seconds what another applied', async (t) => {
  const [one, two] = await openReplicas(t, 'memory');
  const put = await apply(one, 31);
  assert.equal(put.status, 200, JSON.stringify(put.body));
  await inForce(two, 31, 5_000);
});

test('a replica that comes later begins by what was applied, and one whose file is newer brings its file', async (t) => {
  const config = { store: await postgres.createDatabase(), shared: redis.url };
  const one = await openTestAdmin({ config });
  t.after(() => one.close());
  await apply(one, 41);
  const later = await openTestAdmin({ config });
  t.after(() => later.close());
  await inForce(later, 41, 5_000);
  const newer = await openTestAdmin({ config: { ...config, queue: { places: 42 } } });
  t.after(() => newer.close());
  await Promise.all([one, later, newer].map((admin) => inForce(admin, 42, 5_000)));
  const { body } = await one.ask('config/history');
  assert.deepEqual(
    body.items.map(({ source }: { source: string }) => source),
    ['file', 'applied', 'file'],
  );
});

test('G9: what an owner answers for at one replica is his at the other, and at one that comes later', async (t) => {
  const config = { store: await postgres.createDatabase(), shared: redis.url, keys: roleKeys('default') };
  const openOne = async () => {
    const admin = await openTestAdmin({ config });
    t.after(() => admin.close());
    return admin;
  };
  const [one, two] = [await openOne(), await openOne()];
  const put = async (admin: TestAdmin, role: 'owner' | 'operator', port: number) => {
    const { headers } = await admin.ask('config');
    return await admin.ask('upstreams/inner', {
      method: 'PUT',
      body: { type: 'openai', url: `http://127.0.0.1:${port}/v1`, slots: role === 'owner' ? 1 : 2 },
      headers: { 'if-match': headers.get('etag') ?? '' },
      as: keyOf('default', role),
    });
  };
  const slotsAt = (slots: number) => async (admin: TestAdmin) => {
    const { inner } = admin.gateway.gateway.snapshot.config.upstreams;
    return inner?.slots === slots && admin.gateway.gateway.snapshot.config.strangers === undefined;
  };
  assert.equal((await put(one, 'owner', 9)).status, 200);
  await until('the other has it', () => slotsAt(1)(two));
  assert.equal((await put(two, 'operator', 10)).status, 403);
  assert.equal((await put(two, 'operator', 9)).status, 200);
  await until('the first has it', () => slotsAt(2)(one));
  const later = await openOne();
  await until('who comes later has it', () => slotsAt(2)(later));
  assert.equal((await put(later, 'operator', 10)).status, 403);
  assert.equal((await put(later, 'operator', 9)).status, 200);
});

test('while the store is away nothing is applied: 503, and what is in force stays', async (t) => {
  const [one, two] = await openReplicas(t, redis.url);
  await apply(one, 51);
  await inForce(two, 51, 5_000);
  postgres.kill();
  const put = await apply(two, 52);
  assert.equal(put.status, 503, JSON.stringify(put.body));
  assert.deepEqual([placesOf(one), placesOf(two)], [51, 51]);
  assert.equal(await ask(one), 200);
  await postgres.restart();
  await until('it can be applied', async () => (await apply(two, 53)).status === 200);
  await inForce(one, 53, 5_000);
});
