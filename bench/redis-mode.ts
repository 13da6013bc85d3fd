/**
 * What it costs a request that limits and budgets are shared: `node bench/redis-mode.ts [redis://…]`. Two whole gateways, one
 * with Redis and one without, are asked in turns over one connection; the difference of their medians is what Redis adds.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from '@redis/client';
import { runLoad } from '../src/bench/load.ts';
import { openRedisServer } from '../test/servers/redis-server.ts';
import { Child, choosePinning, freePort } from './child.ts';
import { modelName, shortPrompt } from './payloads.ts';
import { usageOfTree } from './proc.ts';

const rounds = 7;
const requestsEach = 400;
const warmUp = 1_000;
const readyMs = 15_000;
const key = 'sk-mr-bench-0000000000000000';
/** Limits do not hold on loopback: as if it came through a proxy. */
const headers = { authorization: `Bearer ${key}`, 'x-forwarded-for': '192.0.2.7' };

const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-redis-'));
const pinning = choosePinning();
const own = process.argv[2] === undefined ? await openRedisServer() : undefined;
const redisUrl = process.argv[2] ?? own?.url ?? '';
const redis = createClient({ url: redisUrl });
redis.on('error', (error) => console.error(error));
await redis.connect();
const mockPort = await freePort();
const mock = new Child(
  { file: process.execPath, args: [join(import.meta.dirname, 'mock.ts'), String(mockPort)] },
  { core: pinning.mock, logFolder: folder, hasIpc: true },
);
await mock.ask(undefined, readyMs);
await mock.ask({ kind: 'whole', isSplit: false }, readyMs);

interface Contestant {
  readonly name: 'memory' | 'redis';
  readonly child: Child;
  readonly url: string;
  /** One of each round. */
  readonly medians: number[];
  readonly cpuUs: number[];
}

const contestants = [await start('memory', 'memory'), await start('redis', redisUrl)];
try {
  for (const each of contestants) await load(each, warmUp);
  const before = await counts();
  await load(contestants[1], requestsEach);
  const after = await counts();
  for (const each of contestants) {
    each.medians.length = 0;
    each.cpuUs.length = 0;
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const each of round % 2 === 0 ? contestants : contestants.toReversed())
      await load(each, requestsEach);
  }
  report({ scripts: after.scripts - before.scripts, reads: after.reads - before.reads }, await pingUs());
} finally {
  await Promise.all(contestants.map(({ child }) => child.stop()));
  redis.destroy();
  await Promise.all([mock.stop(), own?.stop()]);
  rmSync(folder, { recursive: true });
}

async function start(name: Contestant['name'], shared: string): Promise<Contestant> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const file = join(folder, `${name}.json`);
  const generous = { usd: 1_000_000, window: 'month' };
  const config = {
    listen: `127.0.0.1:${port}`,
    admin: { listen: `127.0.0.1:${adminPort}` },
    data: join(folder, name),
    shared,
    keys: [{ name: 'bench', key, tenant: 'default', role: 'developer' }],
    upstreams: { mock: { type: 'openai', url: `http://127.0.0.1:${mockPort}/v1`, slots: 64 } },
    models: { [modelName]: { targets: [{ upstream: 'mock', model: modelName }] } },
    limits: [
      { per: 'key', requests: '60000000/min', burst: 1_000_000 },
      { per: 'address', requests: '60000000/min', burst: 1_000_000 },
    ],
    budgets: [
      { per: 'key', ...generous },
      { per: 'tenant', ...generous },
    ],
    prices: { [modelName]: { inputPerM: 1, outputPerM: 2 } },
  };
  writeFileSync(file, JSON.stringify(config));
  const main = join(import.meta.dirname, '..', 'src', 'main.ts');
  const child = new Child(
    { file: process.execPath, args: [main, 'serve', '--config', file], folder },
    { core: pinning.gateway, logFolder: folder },
  );
  const url = `http://127.0.0.1:${port}`;
  for (const startMs = performance.now(); ; await pause(20)) {
    const reply = await fetch(`${url}/readyz`).catch(() => undefined);
    if (reply?.status === 200) break;
    if (performance.now() - startMs > readyMs) throw new Error(`${name} is not ready: ${child.lastWords}`);
  }
  return { name, child, url, medians: [], cpuUs: [] };
}

async function load(contestant: Contestant | undefined, requestsMax: number): Promise<void> {
  if (contestant === undefined) return;
  const before = usageOfTree(contestant.child.id).cpuMs;
  const result = await runLoad({
    url: `${contestant.url}/v1/chat/completions`,
    headers: { ...headers, 'content-type': 'application/json' },
    body: shortPrompt,
    expect: 'whole',
    arrivals: { kind: 'closed' },
    connections: 1,
    durationMs: 10_000,
    requestsMax,
    countFrom: 'sent',
  });
  if (result.failed > 0 || Object.keys(result.statuses).join() !== '200')
    throw new Error(`${contestant.name}: ${JSON.stringify(result.statuses)}`);
  contestant.medians.push(result.total.percentile(50));
  contestant.cpuUs.push(
    ((usageOfTree(contestant.child.id).cpuMs - before) * 1_000) / Math.max(1, result.completed),
  );
}

interface Counts {
  readonly scripts: number;
  /** How often the server read from a connection: what is written together is read together. */
  readonly reads: number;
}

async function counts(): Promise<Counts> {
  const [calls, stats] = [await redis.info('commandstats'), await redis.info('stats')];
  return {
    scripts: Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(calls)?.[1] ?? 0),
    reads: Number(/^total_reads_processed:(\d+)/m.exec(stats)?.[1] ?? 0),
  };
}

async function pingUs(): Promise<number> {
  const times: number[] = [];
  for (let turn = 0; turn < 500; turn += 1) {
    const startMs = performance.now();
    await redis.ping();
    times.push((performance.now() - startMs) * 1_000);
  }
  return median(times);
}

function report({ scripts, reads }: Counts, ping: number): void {
  const [memory, shared] = contestants;
  if (memory === undefined || shared === undefined) return;
  const added = shared.medians.map((us, round) => us - (memory.medians[round] ?? 0));
  const cpu = shared.cpuUs.map((us, round) => us - (memory.cpuUs[round] ?? 0));
  const line = (name: string, us: number) => console.log(`${name}: ${us.toFixed(0)} us`);
  line('p50 in memory', median(memory.medians));
  line('p50 with Redis', median(shared.medians));
  line('Redis adds to the p50, median of the rounds', median(added));
  line('Redis adds to the CPU of a request', median(cpu));
  line('a PING alone', ping);
  const each = (count: number) => (count / requestsEach).toFixed(1);
  console.log(`scripts a request: ${each(scripts)}, in ${each(reads)} packets`);
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
