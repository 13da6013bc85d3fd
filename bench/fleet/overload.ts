// Twice the load that can be served, by tenants that ask for as much each: what of the servers' time goes into answers that somebody
// still wants. An answer that is not done by its client's deadline is cut off there, and all the work in it was for nothing.
import { createRandom } from '../../src/engines/simulator/random.ts';
import { OutputLengths } from '../../src/money/output-lengths.ts';
import { policies } from '../../src/routing/policies/registry.ts';
import type { GoalResult } from '../results.ts';
import type { CellSize, FleetCell } from './cell.ts';
import { capacityOf, createJobs, type Job, type ServerKind, tokenMs } from './jobs.ts';
import { SimulatedFleet } from './through-scheduler.ts';
import { VirtualClock } from './virtual-clock.ts';

const servers: readonly ServerKind[] = Array.from({ length: 3 }, () => ({ slots: 4, speed: 1 }));
const load = 2;
const tenants = 8;
const queueMs = 30_000;
const goodputMin = 0.95;
/** After it has come. The tightest leave less time than many an answer takes, whoever is served first: no goal is set there. */
const deadlines: Readonly<Record<string, Deadlines>> = {
  'no deadlines': { least: Number.POSITIVE_INFINITY, most: Number.POSITIVE_INFINITY, isGoal: true },
  'deadlines of 30 to 120 s': { least: 30_000, most: 120_000, isGoal: true },
  'deadlines of 5 to 60 s': { least: 5_000, most: 60_000, isGoal: true },
  'deadlines of 5 to 10 s': { least: 5_000, most: 10_000, isGoal: false },
};

interface Deadlines {
  readonly least: number;
  readonly most: number;
  readonly isGoal: boolean;
}

/** What is known of an answer's length beforehand: it may be a half of it, or twice as much, and more; or what is usual, as learnt. */
const estimates: Readonly<Record<string, (tokens: number, noise: number, lengths: OutputLengths) => number>> =
  {
    exact: (tokens) => tokens,
    wrong: (tokens, noise) => tokens * noise,
    none: (_, __, lengths) => lengths.p95(model),
  };
const model = 'm';

export const overload: FleetCell = {
  name: 'overload',
  title: 'Twice the load',
  about:
    `Three servers of 4 slots, asked for ${load} times what they can do by ${tenants} tenants. Requests wait for ${queueMs / 1_000} s at most. ` +
    'An answer that is not done by its deadline is cut off there, and all that was worked on it is lost. What is known of the length of an ' +
    'answer is exact, wrong (lognormal, σ 0.7), or nothing but the length that 19 of 20 had stayed below. The oracle serves whoever came ' +
    'first of those that will be done in time, and nobody else.',
  measure: async (size) => {
    const rows: string[][] = [];
    const goals: GoalResult[] = [];
    for (const [deadline, given] of Object.entries(deadlines)) {
      const requests = createRequests(given, size);
      let found = Number.POSITIVE_INFINITY;
      for (const estimate of Object.keys(estimates)) {
        const outcome = await play(requests, estimate);
        rows.push([`${deadline}, ${estimate}`, ...shown(outcome)]);
        found = Math.min(found, outcome.goodput);
      }
      rows.push([`${deadline}, the oracle`, ...shown(await oracle(requests))]);
      if (!given.isGoal) continue;
      const text = `goodput at ${load} times the load, of the capacity: ${deadline}`;
      goals.push({ text, bound: `≥ ${goodputMin}`, found, isMet: found >= goodputMin });
    }
    return {
      columns: ['', 'served', 'cut off', 'refused', 'least of a tenant, of its share', 'goodput'],
      rows,
      goals,
    };
  },
};

interface Asked extends Job {
  readonly tenant: number;
  readonly deadlineMs: number;
  /** How wrong its estimate is, where it is wrong. */
  readonly noise: number;
}

function createRequests({ least, most }: Deadlines, { count, seed }: CellSize): readonly Asked[] {
  const random = createRandom(seed + 1);
  return createJobs({ servers, load, count, seed }).map((job, index) => {
    const noise = Math.exp(0.7 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
    const drawn = random();
    const givenMs = most === Number.POSITIVE_INFINITY ? most : least + drawn * (most - least);
    return { ...job, tenant: index % tenants, deadlineMs: job.arrivesMs + givenMs, noise };
  });
}

interface Sum {
  served: number;
  cut: number;
  refused: number;
}

interface Outcome extends Sum {
  readonly goodput: number;
  readonly leastShare: number;
}

async function play(requests: readonly Asked[], estimate: string): Promise<Outcome> {
  const policy = policies.auto({ zones: [], affinity: false });
  const fleet = new SimulatedFleet({ servers, policy, queue: { places: 1_024 }, queueMs });
  const lengths = new OutputLengths();
  const sum = { served: 0, cut: 0, refused: 0 };
  const usefulMs = Array.from({ length: tenants }, () => 0);
  for (const { arrivesMs, workMs, tenant, deadlineMs, noise } of requests) {
    const outputTokens = Math.ceil(workMs / tokenMs);
    fleet.clock.after(arrivesMs, () => {
      const tokens = estimates[estimate]?.(workMs / tokenMs, noise, lengths) ?? 0;
      fleet.arrive({
        want: { tenant: `tenant-${tenant}`, key: 'key', tokens, answerTokens: tokens, deadlineMs },
        outputTokens,
        begin: () => {
          const leftMs = deadlineMs - fleet.clock.now();
          return { tookMs: Math.min(workMs, leftMs), firstMs: workMs / 20, isCut: workMs > leftMs };
        },
        ended: (_, isCut) => {
          if (isCut) sum.cut += 1;
          else {
            lengths.tell(model, outputTokens);
            sum.served += 1;
            usefulMs[tenant] = (usefulMs[tenant] ?? 0) + workMs;
          }
        },
        refused: () => {
          sum.refused += 1;
        },
      });
    });
  }
  await fleet.clock.run(requests.at(-1)?.arrivesMs);
  return outcomeOf(requests, sum, usefulMs);
}

async function oracle(requests: readonly Asked[]): Promise<Outcome> {
  const clock = new VirtualClock();
  const sum = { served: 0, cut: 0, refused: 0 };
  const usefulMs = Array.from({ length: tenants }, () => 0);
  let free = capacityOf(servers);
  let waiting: Asked[] = [];
  const next = () => {
    while (free > 0) {
      const nowMs = clock.now();
      const inTime = waiting.filter(
        ({ arrivesMs, workMs, deadlineMs }) => nowMs <= arrivesMs + queueMs && nowMs + workMs <= deadlineMs,
      );
      sum.refused += waiting.length - inTime.length;
      const first = inTime.shift();
      waiting = inTime;
      if (first === undefined) return;
      free -= 1;
      clock.after(first.workMs, () => {
        free += 1;
        sum.served += 1;
        usefulMs[first.tenant] = (usefulMs[first.tenant] ?? 0) + first.workMs;
        next();
      });
    }
  };
  for (const asked of requests) {
    clock.after(asked.arrivesMs, () => {
      waiting.push(asked);
      next();
    });
  }
  await clock.run(requests.at(-1)?.arrivesMs);
  return outcomeOf(requests, sum, usefulMs);
}

function outcomeOf(requests: readonly Asked[], sum: Sum, usefulMs: readonly number[]): Outcome {
  const capacityMs = (requests.at(-1)?.arrivesMs ?? 0) * capacityOf(servers);
  return {
    ...sum,
    goodput: usefulMs.reduce((total, each) => total + each, 0) / capacityMs,
    leastShare: (Math.min(...usefulMs) * tenants) / capacityMs,
  };
}

function shown({ served, cut, refused, leastShare, goodput }: Outcome): string[] {
  return [...[served, cut, refused].map(String), leastShare.toFixed(2), goodput.toFixed(3)];
}
