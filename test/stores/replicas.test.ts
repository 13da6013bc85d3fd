// Two whole gateways that share Redis and PostgreSQL: what they share, and what clients feel when either is lost.
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { keepAsking } from '../faults/known-callers.ts';
import { keepMakingKeys } from '../faults/new-callers.ts';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { makeStoredKey, statusWith } from '../stored-keys.ts';

let redis: RedisServer;
let postgres: PostgresServer;

before(async () => {
  [redis, postgres] = await Promise.all([openRedisServer(), openPostgresServer()]);
});

after(() => Promise.all([redis.stop(), postgres.stop()]));

async function openReplicas(
  t: TestContext,
  config: Readonly<Record<string, unknown>>,
): Promise<TestGateway[]> {
  const store = await postgres.createDatabase();
  const replicas = await Promise.all(
    [1, 2].map(() => openTestGateway({ config: { store, shared: redis.url, ...config } })),
  );
  t.after(() => Promise.all(replicas.map((replica) => replica.close())));
  for (const { gateway } of replicas) {
    await until('they know of each other', () => gateway.lasting.shared.presence.count() === 2);
  }
  return replicas;
}

/** As through a proxy on this machine: limits do not hold on loopback. */
async function chat(
  replica: TestGateway,
  path = '/v1/chat/completions',
  fields: object = {},
): Promise<Response> {
  const reply = await fetch(`${replica.url}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${replica.key}`,
      'content-type': 'application/json',
      'x-forwarded-for': '192.0.2.7',
    },
    body: JSON.stringify({
      model: 'simulator',
      max_tokens: 4,
      messages: [{ role: 'user', content: 'hi' }],
      ...fields,
    }),
  });
  await reply.clone().arrayBuffer();
  return reply;
}

async function countOf(replica: TestGateway): Promise<number> {
  const question = { fromDay: '2026-01-01', toDay: '2100-01-01', by: [], where: {}, rowsMax: 1 } as const;
  const [sum] = await replica.gateway.lasting.store.ledger.sum(question);
  return sum?.exchanges ?? 0;
}

test('C11: a limit is one for both replicas, for a hundred at once and again as it lets the next one through', async (t) => {
  const perS = 2;
  // Patient: who is not answered in time goes by a limit of its own for a while, which waits for longer.
  const shared = { url: redis.url, timeoutMs: 2_000 };
  const limits = [{ per: 'key', requests: `${perS}/s`, burst: 6 }];
  const [one, two] = await openReplicas(t, { shared, limits });
  assert.ok(one !== undefined && two !== undefined);
  const startedMs = performance.now();
  const most = () => 6 + (perS * (performance.now() - startedMs)) / 1_000;
  const hundred = () =>
    Promise.all(Array.from({ length: 100 }, (_, index) => chat(index % 2 === 0 ? one : two)));
  const passedOf = (replies: readonly Response[]) => replies.filter(({ status }) => status === 200).length;
  const replies = await hundred();
  const passed = passedOf(replies);
  assert.ok(passed >= 6 && passed <= most(), `${passed} of ${most()}`);
  const refused = replies.filter(({ status }) => status === 429);
  assert.equal(refused.length, 100 - passed);
  for (const { headers } of refused) assert.equal(headers.get('retry-after'), '1');
  const waitMs = Math.max(...refused.map(({ headers }) => Number(headers.get('retry-after-ms'))));
  assert.ok(waitMs >= 1 && waitMs <= 1_000 / perS, `${waitMs} ms`);
  await pause(waitMs);
  const atBorder = passedOf(await hundred());
  assert.ok(atBorder >= 1 && passed + atBorder <= most(), `${passed} and ${atBorder} of ${most()}`);
});

test('a conversation that one replica began goes on at the other', async (t) => {
  const [one, two] = await openReplicas(t, {});
  assert.ok(one !== undefined && two !== undefined);
  const body = (message: string, id?: string) => ({
    message,
    ...(id === undefined ? {} : { conversation_id: id }),
    messages: undefined,
    max_tokens: undefined,
  });
  const begun = (await (await chat(one, '/chat', body('first'))).json()) as { conversation_id: string };
  const turns = async () => {
    const { conversations } = one.gateway.lasting;
    return (await conversations.read({ tenant: 'default', user: '' }, begun.conversation_id)).length;
  };
  await until('its first turn is kept', async () => (await turns()) === 2);
  await chat(two, '/chat', body('second', begun.conversation_id));
  await until('both turns are kept', async () => (await turns()) === 4);
});

test('DP1, DP4, G19: without Redis answers go on, say so, and the limit holds in parts; it is whole again by itself', async (t) => {
  const [one, two] = await openReplicas(t, { limits: [{ per: 'key', requests: '60/min', burst: 10 }] });
  assert.ok(one !== undefined && two !== undefined);
  assert.equal((await chat(one)).headers.get('x-millrace-degraded'), null);
  redis.kill();
  await until('it is told', async () => (await chat(one)).headers.get('x-millrace-degraded') === 'shared');
  const replies = await Promise.all(
    Array.from({ length: 40 }, (_, index) => chat(index % 2 === 0 ? one : two)),
  );
  const codes = replies.map(({ status }) => status);
  assert.ok(
    codes.every((status) => status === 200 || status === 429),
    codes.join(' '),
  );
  const allowed = codes.filter((status) => status === 200).length;
  assert.ok(allowed <= 12, `${allowed} of 40 were let through, where 10 are one burst`);
  const metrics = await (await fetch(`${one.url}/metrics`)).text();
  assert.match(metrics, /^millrace_degraded\{dependency="shared"\} 1$/m);
  assert.match(metrics, /^millrace_degraded\{dependency="store"\} 0$/m);
  const ready = await fetch(`${one.url}/readyz`);
  assert.equal(ready.status, 200, 'G22: ready by the policy that holds');
  await redis.restart();
  const startMs = performance.now();
  for (const replica of [one, two]) {
    while ((await chat(replica)).headers.get('x-millrace-degraded') !== null) {
      assert.ok(performance.now() - startMs < 12_000, 'back within ten seconds');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
});

test('DP9, DP10: without PostgreSQL every answer goes on, and no row is missing when it is back', async (t) => {
  const replicas = await openReplicas(t, {});
  const [one] = replicas;
  assert.ok(one !== undefined);
  for (const replica of replicas) assert.equal((await chat(replica)).status, 200);
  await until('both are in one ledger', async () => (await countOf(one)) === 2);
  postgres.kill();
  const codes: number[] = [];
  for (let round = 0; round < 30; round += 1) {
    for (const replica of replicas) codes.push((await chat(replica)).status);
  }
  assert.deepEqual(
    codes.filter((status) => status !== 200),
    [],
    'no 401, no 402, no 403, no 503',
  );
  await assert.rejects(countOf(one), { code: 'dependency_unavailable' });
  await until('it is told', async () => (await chat(one)).headers.get('x-millrace-degraded') === 'store');
  await postgres.restart();
  const asked = one.exchangeLines.length + (replicas[1]?.exchangeLines.length ?? 0);
  const startMs = performance.now();
  while ((await countOf(one).catch(() => 0)) < asked) {
    assert.ok(performance.now() - startMs < 40_000, 'all rows are in');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal(await countOf(one), asked);
});

test('DP10, G5, G20: while PostgreSQL restarts under load known keys are served, and none that was made a moment ago elsewhere is called wrong', async (t) => {
  const replicas = await openReplicas(t, { identity: { pepper: 'r3Wx71nVhT2pLw0Xc9Rf5KsBn4Yd6GjEa' } });
  const [one, two] = replicas;
  assert.ok(one !== undefined && two !== undefined);
  const key = await makeStoredKey(one, { name: 'ci' });
  await until('both know it', async () => (await statusWith(two, key)) === 200);
  const known = keepAsking(replicas, key);
  const newcomers = keepMakingKeys(replicas);
  const moreAreLetIn = async () => {
    const before = newcomers.made[200] ?? 0;
    await until('new keys are let in', () => (newcomers.made[200] ?? 0) >= before + 4);
  };
  await moreAreLetIn();
  for (let turn = 0; turn < 2; turn += 1) {
    await postgres.restart();
    await moreAreLetIn();
  }
  await newcomers.end();
  const answered = await known.end();
  const { made, unmade, notMade } = newcomers;
  t.diagnostic(
    `${answered.length} answers; new keys ${JSON.stringify(made)}, wrong ones ${JSON.stringify(unmade)}, ${notMade} not made`,
  );
});

test('DP16: it starts with both of them away, serves, and is whole by itself when they come', async (t) => {
  const store = await postgres.createDatabase();
  redis.kill();
  postgres.kill();
  const startMs = performance.now();
  const gateway = await openTestGateway({ config: { store, shared: redis.url } });
  t.after(() => gateway.close());
  assert.ok(performance.now() - startMs < 3_000, 'it waits for neither');
  const reply = await chat(gateway);
  assert.equal(reply.status, 200);
  assert.match(reply.headers.get('x-millrace-degraded') ?? '', /shared/);
  await Promise.all([redis.restart(), postgres.restart()]);
  await until('it is whole', async () => {
    const counted = await countOf(gateway).catch(() => 0);
    return counted > 0 && (await chat(gateway)).headers.get('x-millrace-degraded') === null;
  });
});
