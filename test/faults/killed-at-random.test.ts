/**
 * G21: of two replicas one is killed at moments that nobody chose while the other goes on, or PostgreSQL is, or both: what the
 * upstream did is in the ledger, once, whoever did it.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import type { RunningProcess } from '../cli/gateway-process.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { soaking, times } from '../soak.ts';
import { type GatedLlm, openGatedLlm } from '../upstream/gated-llm.ts';
import { openReplica, type Replica } from './killed-replica.ts';
import { until } from './rig.ts';

/** Of each replica. */
const clients = 5;
const tokenNanoUsd = 10_000;
const tokensMax = 4;
const killedMs = soaking ? { from: 500, within: 4_000 } : { from: 150, within: 350 };
/** The row asks for 100,000 requests, not for as many as there is time for. */
const restMs = soaking ? 10 : 0;
/** Runs that died are looked for every 30 s. */
const stillMsMax = 40_000;
const kinds = ['gateway', 'postgres', 'both'] as const;
const victims = Array.from({ length: times(kinds.length, 50) }, (_, kill) => kinds[kill % kinds.length]);

test('G21: whoever is killed and whenever, the other replica answers all, no answer is missing in the ledger, and none is there twice', async (t) => {
  const { llm, postgres, store, replicas } = await open(t);
  const answered: string[] = [];
  let sent = 0;
  for (const [kill, victim] of victims.entries()) {
    // Each in its turn: the heir of one that was killed lives through the next kill.
    const [struck, spared] = kill % 2 === 0 ? replicas : replicas.toReversed();
    assert.ok(struck !== undefined && spared !== undefined);
    sent += await strike({ victim, struck, spared, postgres }, answered);
  }
  assert.ok(answered.length > clients, `${answered.length} of ${sent} were answered`);
  t.diagnostic(`${victims.length} kills, ${sent} requests sent, ${answered.length} answered`);
  const rows = await shipped(store, llm.asked);
  const outcomes = new Map(rows.map(({ id, outcome }) => [id, outcome]));
  assert.equal(outcomes.size, rows.length, 'none twice');
  const missing = answered.filter((id) => !outcomes.has(id));
  assert.equal(missing.length, 0, `answered, and not in the ledger: ${missing.slice(0, 10)}`);
  // What an answer came to is written down before the last of it leaves.
  const unsettled = answered.filter((id) => outcomes.get(id) !== 'complete');
  assert.equal(unsettled.length, 0, `answered, and not settled: ${unsettled.slice(0, 10)}`);
  // There is no budget, and yet what was cut counts at what it may have come to.
  const lost = rows.filter(({ outcome }) => outcome === 'lost');
  t.diagnostic(`${lost.length} closed as lost`);
  assert.ok(rows.length - lost.length <= llm.asked, 'nothing is settled that was not asked');
  const costs = new Set(lost.map(({ cost }) => Number(cost)));
  assert.deepEqual([...costs], lost.length === 0 ? [] : [tokensMax * tokenNanoUsd]);
  assert.ok(rows.length >= llm.asked, `${rows.length} rows, ${llm.asked} asked of the upstream`);
  assert.ok(rows.length <= sent, `${rows.length} rows of ${sent} that were sent`);
});

interface Strike {
  readonly victim: (typeof kinds)[number] | undefined;
  readonly struck: Replica;
  readonly spared: Replica;
  readonly postgres: PostgresServer;
}

/** Kills while both are asked, and mends it. Gives how many were sent. */
async function strike({ victim, struck, spared, postgres }: Strike, answered: string[]): Promise<number> {
  const load = [struck, spared].map(({ gateway }) => keepAsking(gateway, (id) => answered.push(id)));
  await pause(killedMs.from + Math.random() * killedMs.within);
  if (victim !== 'gateway') postgres.kill();
  if (victim !== 'postgres') await struck.gateway.stop('SIGKILL');
  const before = answered.length;
  // What came while only one of them was away is owed as well.
  await pause(Math.random() * killedMs.within);
  await until('the other goes on', () => answered.length > before + clients);
  const [ofStruck, ofSpared] = await Promise.all(load.map((each) => each.end()));
  assert.deepEqual(ofSpared?.broken, [], 'nobody is cut off by the other, nor by a database that is away');
  if (victim === 'postgres') assert.deepEqual(ofStruck?.broken, []);
  if (victim !== 'gateway') await postgres.restart();
  if (victim !== 'postgres') await struck.follow();
  return (ofStruck?.sent ?? 0) + (ofSpared?.sent ?? 0);
}

async function open(t: TestContext) {
  const llm: GatedLlm = await openGatedLlm(t);
  const postgres: PostgresServer = await openPostgresServer();
  const redis = await openRedisServer();
  const store = await postgres.createDatabase();
  const replicas: Replica[] = [];
  t.after(async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
    await Promise.all([postgres.stop(), redis.stop()]);
  });
  const config = {
    store,
    shared: redis.url,
    upstreams: { llm: { type: 'openai', url: llm.url, slots: 64 } },
    models: { m: { targets: [{ upstream: 'llm', model: 'gated' }] } },
    prices: { llm: { inputPerM: 0, outputPerM: tokenNanoUsd / 1_000 } },
  };
  replicas.push(...(await Promise.all([openReplica(config), openReplica(config)])));
  return { llm, postgres, store, replicas };
}

/** The ledger, once it gets no more rows: at once where it has one for each call that the upstream saw, else after a while. */
async function shipped(store: string, asked: number): Promise<readonly Row[]> {
  let grewAt = Date.now();
  for (let before = -1; ; ) {
    const rows = await rowsOf(store);
    if (rows.length > before) grewAt = Date.now();
    else if (rows.length >= asked || Date.now() - grewAt > stillMsMax) return rows;
    before = rows.length;
    await pause(soaking ? 2_000 : 300);
  }
}

interface Row {
  readonly id: string;
  readonly outcome: string;
  readonly cost: string;
}

const noSuchTable = '42P01';

async function rowsOf(store: string): Promise<readonly Row[]> {
  const client = new Client({ connectionString: store });
  // A server that was just killed may end connections once more while it comes to itself: it is asked again.
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<Row>('select id, outcome, cost_nano_usd as cost from ledger');
    return rows;
  } catch (thrown) {
    // Whoever was killed while it began had no time to make it.
    if ((thrown as { code?: string }).code === noSuchTable) return [];
    throw thrown;
  } finally {
    await client.end();
  }
}

function keepAsking(gateway: RunningProcess, onAnswer: (id: string) => void) {
  let asking = true;
  let sent = 0;
  const ask = async () => {
    while (asking) {
      sent += 1;
      const reply = await gateway.chat({ model: 'm', max_tokens: tokensMax });
      await reply.arrayBuffer();
      assert.equal(reply.status, 200);
      onAnswer(reply.headers.get('x-millrace-id') ?? '');
      if (restMs > 0) await pause(restMs);
    }
  };
  const all = Promise.allSettled(Array.from({ length: clients }, ask));
  return {
    /** How many were sent, and why some have no answer. Whoever was answered must have been answered well. */
    end: async () => {
      asking = false;
      const broken = (await all).flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
      for (const reason of broken) if (reason instanceof assert.AssertionError) throw reason;
      return { sent, broken };
    },
  };
}
