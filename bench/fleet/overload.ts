// Twice the load that can be served, by tenants that ask for as much each: what of the servers' time goes into answers that somebody
// still wants. An answer that is not done by its client's deadline is cut off there, and all the work in it was for nothing.
import { createRandom } from '../../src/engines/simulator/random.ts';
import { policies } from '../../src/routing/policies/registry.ts';
import type { GoalResult } from '../results.ts';
import type { CellSize, FleetCell } from './cell.ts';
import { capacityOf, createJobs, meanWorkMs, type ServerKind, tokenMs } from './jobs.ts';
import { SimulatedFleet } from './through-scheduler.ts';

const servers: readonly ServerKind[] = Array.from({ length: 3 }, () => ({ slots: 4, speed: 1 }));
const load = 2;
const tenants = 8;
const queueMs = 30_000;
const goodputMin = 0.95;
/**
 * After it has come. Where a client leaves little more time than answers take, what is cut off cannot be known beforehand from a
 * length that nobody knows: with works as uneven as these no goal is set there.
 */
const deadlines: Readonly<Record<string, Deadlines>> = {
  'no deadlines': { least: Number.POSITIVE_INFINITY, most: Number.POSITIVE_INFINITY, isGoal: true },
  'deadlines of 30 to 120 s': { least: 30_000, most: 120_000, isGoal: true },
  'deadlines of 5 to 60 s': { least: 5_000, most: 60_000, isGoal: false },
};

interface Deadlines {
  readonly least: number;
  readonly most: number;
  readonly isGoal: boolean;
}

/** What is known of an answer's length beforehand: it may be a half of it, or twice as much, and more. */
const estimates: Readonly<Record<string, (tokens: number, noise: number) => number>> = {
  exact: (tokens) => tokens,
  wrong: (tokens, noise) => tokens * noise,
  none: () => meanWorkMs / tokenMs,
};

export const overload: FleetCell = {
  name: 'overload',
  title: 'Twice the load',
  about:
    `Three servers of 4 slots, asked for ${load} times what they can do by ${tenants} tenants. Requests wait for ${queueMs / 1_000} s at most. ` +
    'An answer that is not done by its deadline is cut off there, and all that was worked on it is lost. What is known of the length of an ' +
    'answer is exact, wrong (lognormal, σ 0.7), or nothing.',
  measure: async (size) => {
    const rows: string[][] = [];
    const goals: GoalResult[] = [];
    for (const [deadline, given] of Object.entries(deadlines)) {
      let found = Number.POSITIVE_INFINITY;
      for (const estimate of Object.keys(estimates)) {
        const { goodput, served, cut, refused, leastShare } = await play({ given, estimate }, size);
        const counts = [served, cut, refused].map(String);
        rows.push([`${deadline}, ${estimate}`, ...counts, leastShare.toFixed(2), goodput.toFixed(3)]);
        found = Math.min(found, goodput);
      }
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

interface Playing {
  readonly given: Deadlines;
  readonly estimate: string;
}

async function play({ given, estimate }: Playing, { count, seed }: CellSize) {
  const random = createRandom(seed + 1);
  const jobs = createJobs({ servers, load, count, seed });
  const policy = policies.auto({ zones: [], affinity: false });
  const fleet = new SimulatedFleet({ servers, policy, queue: { places: 1_024 }, queueMs });
  const sum = { served: 0, cut: 0, refused: 0 };
  const usefulMs = Array.from({ length: tenants }, () => 0);
  for (const [index, { arrivesMs, workMs }] of jobs.entries()) {
    const tenant = index % tenants;
    const noise = Math.exp(0.7 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
    const drawn = random();
    const untilMs =
      given.most === Number.POSITIVE_INFINITY
        ? given.most
        : arrivesMs + given.least + drawn * (given.most - given.least);
    const tokens = estimates[estimate]?.(workMs / tokenMs, noise) ?? 0;
    fleet.clock.after(arrivesMs, () =>
      fleet.arrive({
        want: {
          tenant: `tenant-${tenant}`,
          key: 'key',
          tokens,
          answerTokens: tokens,
          deadlineMs: untilMs,
        },
        outputTokens: Math.ceil(workMs / tokenMs),
        begin: () => {
          const leftMs = untilMs - fleet.clock.now();
          return { tookMs: Math.min(workMs, leftMs), firstMs: workMs / 20, isCut: workMs > leftMs };
        },
        ended: (_, isCut) => {
          if (isCut) sum.cut += 1;
          else {
            sum.served += 1;
            usefulMs[tenant] = (usefulMs[tenant] ?? 0) + workMs;
          }
        },
        refused: () => {
          sum.refused += 1;
        },
      }),
    );
  }
  const lastMs = jobs.at(-1)?.arrivesMs ?? 0;
  await fleet.clock.run(lastMs);
  const capacityMs = lastMs * capacityOf(servers);
  return {
    ...sum,
    goodput: usefulMs.reduce((total, each) => total + each, 0) / capacityMs,
    leastShare: (Math.min(...usefulMs) * tenants) / capacityMs,
  };
}
