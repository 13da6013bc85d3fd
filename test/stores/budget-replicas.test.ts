// Two whole gateways that share Redis and PostgreSQL: together they spend what one may, whatever happens to either.
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { openPlace, serve } from '../cli/gateway-process.ts';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import {
  chat,
  costOf,
  ledgerRows,
  readStream,
  settled,
  spendingConfig,
  tokenNanoUsd,
  usdFor,
} from '../security/spending-rig.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';

let redis: RedisServer;
let postgres: PostgresServer;

before(async () => {
  [redis, postgres] = await Promise.all([openRedisServer(), openPostgresServer()]);
});

after(() => Promise.all([redis.stop(), postgres.stop()]));

interface Rig {
  readonly llm: FakeLlm;
  readonly config: Readonly<Record<string, unknown>>;
  readonly one: TestGateway;
  readonly two: TestGateway;
}

/** Each test has a tenant of its own at Redis: what it spends is nobody else's. */
async function open(t: TestContext, tokens: number, behaviour: Partial<Behaviour>): Promise<Rig> {
  const llm = await openFakeLlm(behaviour);
  t.after(() => llm.close());
  await redis.restart();
  const store = await postgres.createDatabase();
  const budgets = [{ per: 'tenant', usd: usdFor(tokens), window: 'total' }];
  const config = spendingConfig(llm.port, { store, shared: redis.url, budgets });
  const [one, two] = await Promise.all([openTestGateway({ config }), openTestGateway({ config })]);
  t.after(() => Promise.all([one.close(), two.close()]));
  for (const { gateway } of [one, two]) {
    await until('they know of each other', () => gateway.lasting.shared.presence.count() === 2);
  }
  return { llm, config, one, two };
}

const asks = (count: number, ask: (at: number) => Promise<Response>) =>
  Promise.all(Array.from({ length: count }, (_, at) => ask(at)));

function calls(llm: FakeLlm): number {
  return llm.requests.filter(({ path }) => path.endsWith('/chat/completions')).length;
}

test('C10, G11: 100 clients at once at two replicas, on a budget for 10 whole answers: 10 are answered, 90 refused', async (t) => {
  const { llm, one, two } = await open(t, 500, { usage: { prompt: 1, completion: 50 } });
  const replies = await asks(100, (at) => chat(at % 2 === 0 ? one : two, { fields: { max_tokens: 50 } }));
  const statuses = replies.map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 200).length, 10);
  assert.equal(statuses.filter((status) => status === 429).length, 90);
  assert.equal(calls(llm), 10);
  const { spent, limit } = await settled(one);
  assert.equal(spent, limit);
  assert.equal(costOf(await ledgerRows(t, one, 100)), limit, 'the ledger and the upstream’s own count agree');
});

test('G11, G18: long streams at two replicas share the budget to its last token, and are stopped there honestly', async (t) => {
  const tokens = 4_500;
  const { one, two } = await open(t, tokens, { endless: true, chunks: ['mill'], usage: 'absent' });
  // At a thousand tokens each, four fit; the rest is shared as they run.
  const replies = await asks(100, (at) => chat(at % 2 === 0 ? one : two, { stream: true }));
  const admitted = replies.filter(({ status }) => status === 200);
  assert.equal(admitted.length, 4);
  assert.equal(replies.filter(({ status }) => status === 429).length, 96);
  const streams = await Promise.all(admitted.map(readStream));
  for (const { isComplete, error } of streams) {
    assert.equal(isComplete, false, 'never a clean end');
    assert.equal(error?.code, 'insufficient_quota');
  }
  assert.equal(
    streams.reduce((sum, { texts }) => sum + texts.length, 0),
    tokens,
  );
  const { spent, limit } = await settled(one);
  assert.equal(spent, limit);
  assert.equal(costOf(await ledgerRows(t, one, 100)), limit);
});

test('G11: kill -9 of a replica frees nothing that was under way there', async (t) => {
  const { llm, config, one } = await open(t, 1_000, { usage: { prompt: 1, completion: 200 } });
  await using place = await openPlace();
  await place.write('millrace.yaml', JSON.stringify(config));
  const third = await serve([], { place });
  t.after(() => third.stop('SIGKILL'));
  llm.scriptNext({ stallBeforeHead: true }, { stallBeforeHead: true });
  const cut = [400, 400].map((max_tokens) =>
    third.chat({ model: 'm', max_tokens }).then(
      async (reply) => `${reply.status} ${await reply.text()}`,
      () => 'cut',
    ),
  );
  await until('both are under way', () => calls(llm) === 2);
  const ask = async (max_tokens: number) => (await chat(one, { fields: { max_tokens } })).status;
  assert.equal(await ask(300), 429);
  await third.stop('SIGKILL');
  assert.deepEqual(await Promise.all(cut), ['cut', 'cut']);
  assert.equal(await ask(300), 429);
  assert.equal(await ask(200), 200);
  assert.equal(await ask(1), 429);
  const [standing] = await one.gateway.snapshot.budgets.standings();
  assert.deepEqual([standing?.spent, standing?.reserved], [200 * tokenNanoUsd, 800 * tokenNanoUsd]);
});

test('DP2, G11: a Redis that comes back empty gives nobody anything to spend again, and no outage is a 4xx', async (t) => {
  const { one, two } = await open(t, 1_000, { usage: { prompt: 1, completion: 200 } });
  for (const replica of [one, two]) {
    assert.equal((await chat(replica, { fields: { max_tokens: 200 } })).status, 200);
  }
  await ledgerRows(t, one, 2);
  redis.kill();
  const away = await asks(6, (at) => chat(at % 2 === 0 ? one : two, { fields: { max_tokens: 10 } }));
  for (const { status } of away) assert.ok([200, 429, 503].includes(status), `${status}`);
  await redis.restart();
  await until('it is shared again', async () => {
    const reply = await chat(one, { fields: { max_tokens: 1_000 } });
    return reply.status === 429 && reply.headers.get('x-millrace-degraded') === null;
  });
  const { spent } = await settled(two);
  assert.ok(spent >= 400 * tokenNanoUsd, `${spent}`);
});

test('G15: a client that leaves one replica makes room at the other', async (t) => {
  const { one, two } = await open(t, 1_100, {
    endless: true,
    chunks: ['mill'],
    usage: 'absent',
    tokensPerSecond: 100,
  });
  const leaving = new AbortController();
  const reply = await chat(one, { stream: true, signal: leaving.signal });
  const reader = reply.body?.getReader();
  await reader?.read();
  const refused = await chat(two, { fields: { max_tokens: 200 }, stream: true });
  assert.equal(refused.status, 429);
  leaving.abort();
  await reader?.closed.catch(() => {});
  await until('there is room', async () => {
    const admitted = await chat(two, { fields: { max_tokens: 200 }, stream: true });
    await admitted.body?.cancel();
    return admitted.status === 200;
  });
});
