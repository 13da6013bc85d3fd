// Two models on two servers that hold one of them each: how often a server has to load the other one.
import { createRandom } from '../../src/engines/simulator/random.ts';
import { policies } from '../../src/routing/policies/registry.ts';
import type { FleetCell } from './cell.ts';
import { createJobs, type Job, type ServerKind, tokenMs } from './jobs.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { SimulatedFleet } from './through-scheduler.ts';
import { VirtualClock } from './virtual-clock.ts';

const servers: readonly ServerKind[] = [
  { slots: 1, speed: 1 },
  { slots: 1, speed: 1 },
];
const models = ['one', 'other'];
const loadMs = 10_000;
const load = 0.7;
const switchesMax = 0.2;
/** As models have it where nobody says otherwise. */
const queueMs = 30_000;

export const modelSwitches: FleetCell = {
  name: 'switches',
  title: 'Model switches',
  about: `Two models at random, half the requests each, on two servers of one slot that hold one model each; loading takes ${loadMs / 1_000} s, a request 2 s. Load ${load} of what they can do without loading.`,
  measure: async ({ count, seed }) => {
    const jobs = createJobs({ servers, load, count, seed });
    const fifo = await inOrder(jobs, seed);
    const auto = await run(jobs, { seed });
    const clocked = await run(jobs, { seed, queueMs });
    const share = Math.max(auto.switches, clocked.switches) / fifo.switches;
    return {
      columns: ['', 'switches', 'mean, s', 'p99, s', 'not served in time'],
      rows: [
        ['in order, whoever is free', ...shown(fifo)],
        ['auto', ...shown(auto)],
        [`auto, who waits for ${queueMs / 1_000} s at most`, ...shown(clocked)],
      ],
      goals: [
        {
          text: 'model switches, of those in order',
          bound: `≤ ${switchesMax}`,
          found: share,
          isMet: share <= switchesMax,
        },
      ],
    };
  },
};

interface Switched extends Outcome {
  readonly switches: number;
  readonly late: number;
}

/** Whoever comes first goes to whoever is free first. */
export async function inOrder(jobs: readonly Job[], seed: number): Promise<Switched> {
  const random = createRandom(seed + 1);
  const clock = new VirtualClock();
  const idle = servers.map(() => ({ held: -1 }));
  const queue: { readonly job: Job; readonly which: number }[] = [];
  const took: number[] = [];
  let switches = 0;
  const next = () => {
    const server = idle[0];
    const first = server === undefined ? undefined : queue.shift();
    if (server === undefined || first === undefined) return;
    idle.shift();
    const waitMs = server.held === first.which ? 0 : loadMs;
    if (waitMs > 0) switches += 1;
    server.held = first.which;
    clock.after(waitMs + first.job.workMs, () => {
      took.push(clock.now() - first.job.arrivesMs);
      idle.push(server);
      next();
    });
  };
  for (const job of jobs) {
    const which = random() < 0.5 ? 0 : 1;
    clock.after(job.arrivesMs, () => {
      queue.push({ job, which });
      next();
    });
  }
  await clock.run();
  return { ...outcomeOf(took, clock.now()), switches, late: 0 };
}

interface Running {
  readonly seed: number;
  readonly queueMs?: number;
}

async function run(jobs: readonly Job[], { seed, ...waits }: Running): Promise<Switched> {
  const policy = policies.auto({ zones: [], affinity: false });
  const random = createRandom(seed + 1);
  const held = new Map<string, string>();
  const fleet = new SimulatedFleet({ servers, policy, held: ({ identity }) => held.get(identity), ...waits });
  const candidates = models.map((model) => fleet.targets.map((target) => ({ ...target, model })));
  const took: number[] = [];
  let switches = 0;
  let late = 0;
  for (const { arrivesMs, workMs } of jobs) {
    const which = random() < 0.5 ? 0 : 1;
    fleet.clock.after(arrivesMs, () =>
      fleet.arrive({
        want: { model: models[which] ?? '', candidates: candidates[which] ?? [] },
        outputTokens: Math.ceil(workMs / tokenMs),
        begin: (target) => {
          const { upstream, model } = target;
          const waitMs = held.get(upstream.identity) === model ? 0 : loadMs;
          if (waitMs > 0) switches += 1;
          held.set(upstream.identity, model);
          return { tookMs: waitMs + workMs, firstMs: waitMs + workMs * 0.05, loadMs: waitMs };
        },
        ended: (tookMs) => took.push(tookMs),
        refused: () => {
          late += 1;
        },
      }),
    );
  }
  await fleet.clock.run();
  if (took.length + late < jobs.length) throw new RangeError('some requests were never answered');
  return { ...outcomeOf(took, fleet.clock.now()), switches, late };
}

function shown({ switches, meanMs, p99Ms, late }: Switched): string[] {
  return [String(switches), (meanMs / 1_000).toFixed(1), (p99Ms / 1_000).toFixed(1), String(late)];
}
