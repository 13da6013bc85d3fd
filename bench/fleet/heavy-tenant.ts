// Ten tenants, one of which asks for ten times its share. The others have to wait until one of the requests under way ends,
// whatever is done: how long they would if each of them always went before the flood is measured beside it.
import { createRandom } from '../../src/engines/simulator/random.ts';
import type { QueueOptions } from '../../src/fleet/scheduler.ts';
import { policies } from '../../src/routing/policies/registry.ts';
import type { GoalResult } from '../results.ts';
import type { FleetCell } from './cell.ts';
import { createJobs, type Job, meanWorkMs, type ServerKind, tokenMs } from './jobs.ts';
import { SimulatedFleet } from './through-scheduler.ts';

const servers: readonly ServerKind[] = Array.from({ length: 3 }, () => ({ slots: 4, speed: 1 }));
const tenants = 10;
const times = 10;
const loads = [0.3, 0.5, 0.7, 0.9] as const;
const growthMax = 1.2;
/** Of the others, in each run. */
const requestsMax = 1_500;
const seedsMax = 10;
/** Neither the filling of the fleet nor those that are not done at the end are counted. */
const counted = { from: 0.1, to: 0.9 };

/** How long requests are: as the other cells have it, or much alike, so that waiting is more of what they take. */
const lengths: Readonly<Record<string, (job: Job, random: () => number) => number>> = {
  'very uneven': ({ workMs }) => workMs,
  'much alike': (_, random) => meanWorkMs * (0.5 + random()),
};

/** What is known of a request's length beforehand. */
const estimates: Readonly<Record<string, (asked: Asked) => number>> = {
  exact: ({ workMs }) => workMs / tokenMs,
  noisy: ({ workMs, noise }) => (workMs / tokenMs) * noise,
  none: () => meanWorkMs / tokenMs,
};

interface Asked extends Job {
  readonly tenant: string;
  readonly noise: number;
}

interface Playing {
  readonly queue?: Partial<QueueOptions>;
  readonly estimate: (asked: Asked) => number;
}

/** The others always go before the flood, in the order of coming. */
const strictly: Partial<QueueOptions> = { fairness: 'none', agingMs: Number.MAX_SAFE_INTEGER };

export const heavyTenant: FleetCell = {
  name: 'tenant',
  title: 'One tenant at ten times its share',
  about:
    `Ten tenants on three equal servers of 4 slots. Nine ask for so much of a tenth of the capacity each; the tenth asks for as much, and then for ${times} ` +
    'times its share. How much the p99 of the nine grows, median / worst over the seeds. The first row of each kind is what would come of it if they always ' +
    'went before the flood: the least that is possible without keeping slots idle.',
  measure: async ({ count }) => {
    const requests = Math.min(requestsMax, Math.ceil(count / 10));
    const seeds = Array.from(
      { length: Math.min(seedsMax, Math.ceil(count / 3_000)) },
      (_, index) => index + 1,
    );
    const rows: string[][] = [];
    const worst = loads.map(() => ({ median: 0, ofLeast: 0 }));
    for (const length of Object.keys(lengths)) {
      const found = await Promise.all(loads.map((load) => growthAt({ length, load, seeds, requests })));
      for (const name of Object.keys(found[0] ?? {}))
        rows.push([`${length}, ${name}`, ...found.map((each) => shown(each[name] ?? []))]);
      for (const [index, { [leastName]: least = [], ...rest }] of found.entries()) {
        const median = Math.max(...Object.values(rest).map(medianOf));
        const known = worst[index];
        if (known === undefined) continue;
        known.ofLeast = Math.max(known.ofLeast, median / medianOf(least));
        known.median = Math.max(known.median, median);
      }
    }
    const goals = worst.map(({ median }, index): GoalResult => {
      const text = `p99 of the others at ${loads[index]} of their share, of what it was`;
      return { text, bound: `< ${growthMax}`, found: median, isMet: median < growthMax };
    });
    return { columns: ['', ...loads.map((load) => `at ${load} of their share`)], rows, goals };
  },
};

const leastName = 'the others always first';

interface Setting {
  readonly length: string;
  readonly load: number;
  readonly seeds: readonly number[];
  readonly requests: number;
}

/** By what is known beforehand, for each seed: the p99 with the flood, of what it was without. */
async function growthAt({
  length,
  load,
  seeds,
  requests,
}: Setting): Promise<Record<string, readonly number[]>> {
  const growth: Record<string, number[]> = { [leastName]: [] };
  for (const seed of seeds) {
    const alike = arrivals({ length, load, seed, requests, factor: load });
    const flooded = arrivals({ length, load, seed, requests, factor: times });
    for (const [name, estimate] of Object.entries(estimates)) {
      const before = await p99OfOthers(alike, { estimate });
      growth[name] = [...(growth[name] ?? []), (await p99OfOthers(flooded, { estimate })) / before];
      if (name !== 'exact') continue;
      growth[leastName]?.push((await p99OfOthers(flooded, { estimate, queue: strictly })) / before);
    }
  }
  return growth;
}

interface Drawing {
  readonly length: string;
  readonly load: number;
  readonly seed: number;
  readonly requests: number;
  /** What the heavy one asks for, of its share. */
  readonly factor: number;
}

function arrivals({ length, load, seed, requests, factor }: Drawing): readonly Asked[] {
  const random = createRandom(seed + 2);
  const lengthOf = lengths[length] ?? lengths['very uneven'];
  const asked = (job: Job, tenant: string): Asked => {
    const workMs = lengthOf?.(job, random) ?? job.workMs;
    const noise = Math.exp(Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()) - 0.5);
    return { arrivesMs: job.arrivesMs, workMs, tenant, noise };
  };
  const ofOthers = createJobs({ servers, load: (load * (tenants - 1)) / tenants, count: requests, seed });
  const lastMs = ofOthers.at(-1)?.arrivesMs ?? 0;
  const count = Math.ceil((2 * requests * factor) / (load * (tenants - 1)));
  const ofHeavy = createJobs({ servers, load: factor / tenants, count, seed: seed + 1 });
  return [
    ...ofOthers.map((job, index) => asked(job, `light-${index % (tenants - 1)}`)),
    ...ofHeavy.filter(({ arrivesMs }) => arrivesMs < lastMs).map((job) => asked(job, 'heavy')),
  ];
}

async function p99OfOthers(asked: readonly Asked[], { queue = {}, estimate }: Playing): Promise<number> {
  const fleet = new SimulatedFleet({ servers, policy: policies.auto({ zones: [], affinity: false }), queue });
  const took: number[] = [];
  const lastMs = Math.max(...asked.map(({ arrivesMs }) => arrivesMs));
  for (const each of asked) {
    const { tenant, workMs, arrivesMs } = each;
    const isCounted =
      tenant !== 'heavy' && arrivesMs >= lastMs * counted.from && arrivesMs <= lastMs * counted.to;
    const index = isCounted ? took.push(Number.POSITIVE_INFINITY) - 1 : -1;
    const tokens = estimate(each);
    const priority = tenant === 'heavy' ? 0 : 1;
    fleet.clock.after(arrivesMs, () =>
      fleet.arrive({
        want: {
          tenant,
          key: tenant,
          tokens,
          answerTokens: tokens,
          priority: queue === strictly ? priority : 0,
        },
        outputTokens: Math.ceil(workMs / tokenMs),
        begin: () => ({ tookMs: workMs, firstMs: workMs / 20 }),
        ended: (tookMs) => {
          if (index >= 0) took[index] = tookMs;
        },
      }),
    );
  }
  await fleet.clock.run(lastMs);
  return took.sort((one, other) => one - other)[Math.floor(took.length * 0.99)] ?? 0;
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}

function shown(values: readonly number[]): string {
  return `${medianOf(values).toFixed(2)} / ${Math.max(...values).toFixed(2)}`;
}
