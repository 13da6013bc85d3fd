/** C14: whoever tries keys by the thousand costs little, asks no database, and is hardly noticed by others. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { usageOfTree } from '../../bench/proc.ts';
import { millrace, openPlace, type RunningProcess, serve } from '../cli/gateway-process.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { times } from '../soak.ts';

const linuxOnly = { skip: process.platform !== 'linux' && 'the system has no /proc' };
const floodMs = times(1_500, 20_000);
/** What is due is 5,000 a second; how many come is what this machine bears beside the gateway, and is told. */
const sentMin = times(2_000, 50_000);
/**
 * What others feel on a machine of their own follows from it: so many a second leave most of a core. Their times are told, and
 * say more of what else this machine does.
 */
const cpuMsMax = 0.15;
const rssMbMax = 64;

test(
  'C14: bad keys by the thousand a second, 5,000 where the machine bears them, from one address or a thousand, ask no database and cost little',
  linuxOnly,
  async (t) => {
    const { gateway, key, queries } = await open(t);
    const pid = gateway.child.pid ?? 0;
    const bystander = () => latencies(gateway, key);
    await bystander();
    const before = usageOfTree(pid);
    let calm: readonly number[] = [];
    const calmQueries = await queriesWhile(queries, async () => {
      calm = await bystander();
    });
    const served = (usageOfTree(pid).cpuMs - before.cpuMs) / calm.length;
    for (const addresses of [1, 1_000]) {
      const cpuBefore = usageOfTree(pid).cpuMs;
      let took: readonly number[] = [];
      let seen: Flooded = { sent: 0, statuses: {} };
      const asked = await queriesWhile(queries, async () => {
        [took, seen] = await Promise.all([bystander(), flood(gateway, addresses)]);
      });
      const perSecond = Math.round((seen.sent * 1_000) / floodMs);
      const told = `${addresses} addresses, ${perSecond}/s: ${JSON.stringify(seen)}`;
      assert.deepEqual(Object.keys(seen.statuses), ['401'], told);
      assert.ok(seen.sent > sentMin, told);
      assert.equal(seen.statuses['401'], seen.sent, told);
      // What the gateway asks of its own accord, it asks as often as before.
      assert.ok(asked <= calmQueries + 20, `${told}, ${asked} queries, ${calmQueries} without it`);
      const cpuMs = (usageOfTree(pid).cpuMs - cpuBefore - served * took.length) / seen.sent;
      const p99s = [took, calm].map((each) => percentile(each, 0.99).toFixed(1)).join(' ms, without it ');
      t.diagnostic(`${told}: ${(1000 * cpuMs).toFixed(0)} us of CPU for each; p99 of others ${p99s} ms`);
      assert.ok(cpuMs < cpuMsMax, `${told}: ${cpuMs} ms of CPU for each`);
    }
    const grownMb = (usageOfTree(pid).rssKb - before.rssKb) / 1024;
    assert.ok(grownMb < rssMbMax, `${grownMb} MB are kept of them`);
  },
);

async function open(t: TestContext) {
  const postgres = await openPostgresServer({ config: { shared_preload_libraries: 'pg_stat_statements' } });
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  await client.query('create extension pg_stat_statements');
  const place = await openPlace();
  await place.write(
    'millrace.yaml',
    JSON.stringify({
      listen: { trustedProxies: ['127.0.0.1'] },
      store: await postgres.createDatabase(),
      upstreams: { sim: { type: 'simulator', tokensPerSecond: 0, firstTokenMs: 0, slots: 64 } },
      models: { m: { targets: [{ upstream: 'sim', model: 'simulator' }] } },
    }),
  );
  const gateway = await serve([], { place });
  t.after(async () => {
    await gateway.stop('SIGKILL');
    await client.end();
    await Promise.all([postgres.stop(), place[Symbol.asyncDispose]()]);
  });
  const made = await millrace(['keys', 'new', 'bystander', '--json'], { place });
  assert.equal(made.code, 0, made.err);
  const { key } = JSON.parse(made.out) as { key: string };
  const queries = async () => {
    const { rows } = await client.query(
      `select coalesce(sum(calls), 0)::int as calls from pg_stat_statements`,
    );
    return (rows[0] as { calls: number }).calls;
  };
  return { gateway, key, queries };
}

async function queriesWhile(queries: () => Promise<number>, run: () => Promise<unknown>): Promise<number> {
  const before = await queries();
  await run();
  return (await queries()) - before;
}

/** A hundred requests a second, due when they are due: what holds one up holds up those after it. */
async function latencies({ ready }: RunningProcess, key: string): Promise<readonly number[]> {
  const startMs = performance.now();
  const all: ReturnType<typeof ask>[] = [];
  for (let dueMs = 0; dueMs < floodMs; dueMs += 10) {
    const waitMs = startMs + dueMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    all.push(ask(ready.clients, key, startMs + dueMs));
  }
  const replies = await Promise.all(all);
  assert.deepEqual([...new Set(replies.map(({ status }) => status))], [200]);
  return replies.map(({ tookMs }) => tookMs);
}

async function ask(url: string, key: string, dueAtMs: number) {
  const reply = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', max_tokens: 2, messages: [{ role: 'user', content: 'hi' }] }),
  });
  await reply.arrayBuffer();
  return { status: reply.status, tookMs: performance.now() - dueAtMs };
}

interface Flooded {
  readonly sent: number;
  readonly statuses: Readonly<Record<string, number>>;
}

async function flood({ ready }: RunningProcess, addresses: number): Promise<Flooded> {
  const program = join(import.meta.dirname, 'flood.ts');
  const args = [program, ready.clients, String(addresses), String(floodMs)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as Flooded;
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length * share)] ?? 0;
}
