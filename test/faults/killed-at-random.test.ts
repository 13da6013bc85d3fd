/** G21: gateway and PostgreSQL are killed at moments that nobody chose, and what the upstream did is in the ledger, once. */
import assert from 'node:assert/strict';
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { openPlace, type Place, type RunningProcess, serve } from '../cli/gateway-process.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { soaking, times } from '../soak.ts';
import { type GatedLlm, openGatedLlm } from '../upstream/gated-llm.ts';

const clients = 10;
const tokenNanoUsd = 10_000;
const tokensMax = 4;
const killedMs = soaking ? { from: 500, within: 4_000 } : { from: 150, within: 350 };
/** The row asks for 100,000 requests, not for as many as there is time for. */
const restMs = soaking ? 10 : 0;
/** Runs that died are looked for every 30 s. */
const stillMsMax = 40_000;
const kinds = ['gateway', 'postgres', 'both'] as const;
const victims = Array.from({ length: times(kinds.length, 50) }, (_, kill) => kinds[kill % kinds.length]);

test('G21: whoever is killed and whenever, no answer is missing in the ledger, and none is there twice', async (t) => {
  const { place, llm, postgres, store, start } = await open(t);
  const answered: string[] = [];
  let sent = 0;
  let gateway = await start();
  for (const victim of victims) {
    const load = keepAsking(gateway, (id) => answered.push(id));
    await pause(killedMs.from + Math.random() * killedMs.within);
    if (victim !== 'gateway') postgres.kill();
    if (victim !== 'postgres') await gateway.stop('SIGKILL');
    // What came while only the database was away is owed as well.
    else await pause(Math.random() * killedMs.within);
    sent += await load.end();
    if (victim !== 'gateway') await postgres.restart();
    if (victim === 'postgres') continue;
    await longAgo(place);
    gateway = await start();
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
  const costs = new Set(lost.map(({ cost }) => Number(cost)));
  assert.deepEqual([...costs], lost.length === 0 ? [] : [tokensMax * tokenNanoUsd]);
  assert.ok(rows.length >= llm.asked, `${rows.length} rows, ${llm.asked} asked of the upstream`);
  assert.ok(rows.length <= sent, `${rows.length} rows of ${sent} that were sent`);
});

async function open(t: TestContext) {
  const llm: GatedLlm = await openGatedLlm(t);
  const postgres: PostgresServer = await openPostgresServer();
  const place = await openPlace();
  const store = await postgres.createDatabase();
  const started: RunningProcess[] = [];
  t.after(async () => {
    await Promise.all(started.map((gateway) => gateway.stop('SIGKILL')));
    await Promise.all([postgres.stop(), place[Symbol.asyncDispose]()]);
  });
  await place.write(
    'millrace.yaml',
    JSON.stringify({
      store,
      upstreams: { llm: { type: 'openai', url: llm.url, slots: 64 } },
      models: { m: { targets: [{ upstream: 'llm', model: 'gated' }] } },
      prices: { llm: { inputPerM: 0, outputPerM: tokenNanoUsd / 1_000 } },
    }),
  );
  const start = async () => {
    const gateway = await serve([], { place });
    started.push(gateway);
    return gateway;
  };
  return { place, llm, postgres, store, start };
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
    /** How many were sent, answered or not. */
    end: async () => {
      asking = false;
      // Those that were cut off have nothing to say; whoever was answered must have been answered well.
      for (const { reason } of (await all).filter(
        ({ status }) => status === 'rejected',
      ) as PromiseRejectedResult[])
        if (reason instanceof assert.AssertionError) throw reason;
      return sent;
    },
  };
}

/** As if the machine had been off for an hour: a run is dead once nobody heard of it for a minute. */
async function longAgo(place: Place): Promise<void> {
  const spool = place.path('.millrace/spool');
  const atS = Date.now() / 1000 - 3_600;
  for (const file of await readdir(spool)) {
    if (file.endsWith('.alive')) await utimes(join(spool, file), atS, atS);
  }
}
