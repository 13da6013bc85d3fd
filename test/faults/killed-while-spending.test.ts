// A gateway that is killed owes what it had set aside: nothing that was under way comes back as money to spend.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { RunningProcess } from '../cli/gateway-process.ts';
import { spendingConfig, tokenNanoUsd, usdFor } from '../security/spending-rig.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { openReplica, type Replica } from './killed-replica.ts';
import { until } from './rig.ts';

interface Row {
  readonly outcome: string;
  readonly status: number;
  readonly outputTokens: number;
  readonly costUsd: number;
}

async function exchangesOf(gateway: RunningProcess): Promise<readonly Row[]> {
  const reply = await gateway.admin('exchanges');
  return ((await reply.json()) as { exchanges: readonly Row[] }).exchanges;
}

/** On a busy machine the ledger may take longer to tell what was spent than a request waits: then it is asked again. */
async function ask(gateway: RunningProcess, max_tokens: number): Promise<Response> {
  for (;;) {
    const reply = await gateway.chat({ model: 'm', max_tokens });
    if (reply.status !== 503) return reply;
  }
}

const budgets = [{ per: 'tenant', usd: usdFor(1_000), window: 'total' }];

/** Two that are under way at one gateway, at most 400 tokens each. */
async function cutTwo(gateway: RunningProcess, llm: FakeLlm): Promise<readonly Promise<unknown>[]> {
  llm.scriptNext({ stallBeforeHead: true }, { stallBeforeHead: true });
  const cut = [ask(gateway, 400), ask(gateway, 400)].map((asked) => assert.rejects(asked));
  for (let sent = 0; sent < 2; sent += 1)
    await llm.waitForRequest(({ path }) => path.endsWith('/chat/completions'));
  assert.equal((await ask(gateway, 300)).status, 429, 'while it is under way it is set aside');
  return cut;
}

/** So many exchanges in all, and the two that were cut at what was reserved for them. */
async function assertLost(gateway: RunningProcess, count: number): Promise<void> {
  const all = async () => (await exchangesOf(gateway)).filter(({ status }) => status !== 503);
  await until('all of them are in the ledger', async () => (await all()).length === count);
  const lost = (await all()).filter(({ outcome }) => outcome === 'lost');
  assert.deepEqual(
    lost.map(({ outputTokens, costUsd }) => [outputTokens, costUsd]),
    Array.from({ length: 2 }, () => [400, (400 * tokenNanoUsd) / 1e9]),
  );
}

async function openLlm(t: TestContext): Promise<FakeLlm> {
  const llm = await openFakeLlm({ usage: { prompt: 1, completion: 200 } });
  t.after(() => llm.close());
  return llm;
}

test('G11, G21: kill -9 closes what was under way as lost, at what was reserved for it', async (t) => {
  const llm = await openLlm(t);
  const replica = await openReplica(spendingConfig(llm.port, { budgets }));
  t.after(() => replica.close());
  const cut = await cutTwo(replica.gateway, llm);
  await replica.gateway.stop('SIGKILL');
  await Promise.all(cut);
  await replica.follow();
  assert.equal((await ask(replica.gateway, 300)).status, 429, 'nobody may spend it again');
  assert.equal((await ask(replica.gateway, 200)).status, 200);
  await assertLost(replica.gateway, 5);
});

test('G11, G21: of two replicas one is killed: what it had set aside the other does not spend, and its heir closes as lost', async (t) => {
  const llm = await openLlm(t);
  const [redis, postgres] = await Promise.all([openRedisServer(), openPostgresServer()]);
  const replicas: Replica[] = [];
  t.after(async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
    await Promise.all([redis.stop(), postgres.stop()]);
  });
  const config = spendingConfig(llm.port, {
    budgets,
    store: await postgres.createDatabase(),
    // On a busy machine an answer may take longer than usual, and who does not wait for it counts by itself.
    shared: { url: redis.url, timeoutMs: 2_000 },
  });
  replicas.push(...(await Promise.all([openReplica(config), openReplica(config)])));
  const [one, two] = replicas;
  assert.ok(one !== undefined && two !== undefined);
  const cut = await cutTwo(one.gateway, llm);
  assert.equal((await ask(two.gateway, 300)).status, 429, 'also for the other');
  await one.gateway.stop('SIGKILL');
  await Promise.all(cut);
  assert.equal((await ask(two.gateway, 300)).status, 429, 'what the dead one held is not to be had');
  assert.equal((await ask(two.gateway, 200)).status, 200);
  await one.follow();
  for (const { gateway } of replicas)
    assert.equal((await ask(gateway, 100)).status, 429, 'nobody may spend it again');
  await assertLost(two.gateway, 8);
});
