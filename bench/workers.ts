/**
 * Two workers against one process, both with a real Redis: `node bench/workers.ts`. All processes share the cores there are,
 * so that what two workers can come to follows from what a request costs everybody: the gateway, the mock, the generator and
 * Redis. What other programs took of the cores meanwhile is taken off.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRedisServer } from '../test/servers/redis-server.ts';
import { type Contestant, clientKey } from './contestants/contestant.ts';
import { modelName, shortPrompt } from './payloads.ts';
import { usageOfTree } from './proc.ts';
import { Rig, type Running } from './rig.ts';
import { tellGoal } from './tell-goal.ts';

const rounds = 3;
const roundMs = Number(process.argv[2] ?? 4_000);
const connections = 64;
const goal = 0.9;
const main = join(import.meta.dirname, '..', 'src', 'main.ts');

interface Round {
  readonly perSecond: number;
  /** Of one request, in microseconds of CPU. */
  readonly gatewayUs: number;
  readonly restUs: number;
  readonly redisUs: number;
  /** What was left of the cores by whoever else ran. */
  readonly cores: number;
}

const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-workers-'));
const redis = await openRedisServer();
// Nothing is pinned: workers go where there is room.
const rig = await Rig.open(folder, { gateway: undefined, mock: undefined, generator: undefined });
try {
  const one = await rig.start(contestant(1));
  const two = await rig.start(contestant(2));
  for (const running of [one, two]) await rig.warmUp(running);
  await rig.setMode({ kind: 'whole', isSplit: false });
  const measured: { one: Round[]; two: Round[] } = { one: [], two: [] };
  for (let round = 0; round < rounds; round += 1) {
    measured.one.push(await measure(one));
    measured.two.push(await measure(two));
  }
  report(measured.one, measured.two);
  await Promise.all([one.stop(), two.stop()]);
} finally {
  await Promise.all([rig.close(), redis.stop()]);
  rmSync(folder, { recursive: true, force: true });
}

function contestant(workers: number): Contestant {
  return {
    name: `workers-${workers}`,
    describe: () => `Millrace with ${workers} workers, limits and budgets in Redis`,
    missing: () => undefined,
    command: (site) => {
      const file = join(site.folder, 'millrace.json');
      const generous = { usd: 1_000_000, window: 'month' };
      const config = {
        listen: `127.0.0.1:${site.port}`,
        admin: { listen: `127.0.0.1:${site.adminPort}` },
        data: join(site.folder, 'data'),
        shared: `${redis.url}/${workers}`,
        workers,
        keys: [{ name: 'bench', key: clientKey, tenant: 'default', role: 'developer' }],
        upstreams: { mock: { type: 'openai', url: `http://127.0.0.1:${site.mockPort}/v1`, slots: 64 } },
        models: { [modelName]: { targets: [{ upstream: 'mock', model: modelName }] } },
        limits: [{ per: 'key', requests: '60000000/min', burst: 1_000_000 }],
        budgets: [{ per: 'key', ...generous }],
        prices: { [modelName]: { inputPerM: 1, outputPerM: 2 } },
        drain: { preStopMs: 0 },
      };
      writeFileSync(file, JSON.stringify(config));
      return { file: process.execPath, args: [main, 'serve', '--config', file], folder: site.folder };
    },
    // Limits do not hold on loopback: as if it came through a proxy.
    headers: () => ({ authorization: `Bearer ${clientKey}`, 'x-forwarded-for': '192.0.2.7' }),
  };
}

async function measure(running: Running): Promise<Round> {
  const before = look(running);
  const result = await rig.load(running, {
    body: shortPrompt,
    expect: 'whole',
    arrivals: { kind: 'closed' },
    connections,
    durationMs: roundMs,
  });
  const after = look(running);
  if (result.failed > 0 || Object.keys(result.statuses).join() !== '200')
    throw new Error(`${running.name}: ${JSON.stringify(result.statuses)}, ${result.failed} failed`);
  const spent = (what: keyof typeof after) => after[what] - before[what];
  const ours = spent('gatewayMs') + spent('restMs') + spent('redisMs');
  const others = Math.max(0, spent('busyMs') - ours);
  const each = (ms: number) => (ms * 1_000) / result.completed;
  return {
    perSecond: (result.completed * 1_000) / spent('atMs'),
    gatewayUs: each(spent('gatewayMs')),
    restUs: each(spent('restMs')),
    redisUs: each(spent('redisMs')),
    cores: Math.max(0.1, availableParallelism() - others / spent('atMs')),
  };
}

function look(running: Running) {
  return {
    atMs: performance.now(),
    gatewayMs: running.usage()?.cpuMs ?? 0,
    restMs: rig.usage().cpuMs,
    redisMs: usageOfTree(redis.pid).cpuMs,
    busyMs: machineBusyMs(),
  };
}

/** All that ran on any core since the machine started: user, nice, system, interrupts. */
function machineBusyMs(): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (
    readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
  )
    .split(/\s+/)
    .map(Number);
  return (user + nice + system + irq + softirq) * 10;
}

/** Many processes cannot do more than the cores allow, and one of them no more than one core does. */
function ceilingOf({ gatewayUs, restUs, redisUs, cores }: Round, workers: number): number {
  const together = (cores * 1e6) / (gatewayUs + restUs + redisUs);
  return Math.min(together, (workers * 1e6) / gatewayUs);
}

function report(one: readonly Round[], two: readonly Round[]): void {
  const shares = two.map((round) => round.perSecond / ceilingOf(round, 2));
  console.log(
    'workers | requests/s | gateway us | mock + generator us | Redis us | cores left | ceiling/s | of it',
  );
  for (const [workers, all] of [[1, one] as const, [2, two] as const]) {
    for (const round of all) {
      const ceiling = ceilingOf(round, workers);
      const whole = [round.perSecond, round.gatewayUs, round.restUs, round.redisUs].map((us) =>
        us.toFixed(0),
      );
      const rest = [round.cores.toFixed(2), ceiling.toFixed(0), (round.perSecond / ceiling).toFixed(2)];
      console.log([workers, ...whole, ...rest].join(' | '));
    }
  }
  const speedUp =
    median(two.map(({ perSecond }) => perSecond)) / median(one.map(({ perSecond }) => perSecond));
  console.log(`two against one: ${speedUp.toFixed(2)} times the requests a second`);
  const found = median(shares);
  tellGoal({ text: 'two workers, of their ceiling', bound: `≥ ${goal}`, found, isMet: found >= goal });
}

function median(values: readonly number[]): number {
  return values.toSorted((first, second) => first - second)[Math.floor(values.length / 2)] ?? 0;
}
