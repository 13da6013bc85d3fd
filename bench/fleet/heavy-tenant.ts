import { policies } from '../../src/routing/policies/registry.ts';
import type { FleetCell } from './cell.ts';
import { createJobs, type Job, meanWorkMs, type ServerKind, tokenMs } from './jobs.ts';
import { outcomeOf } from './outcome.ts';
import { SimulatedFleet } from './through-scheduler.ts';

const servers: readonly ServerKind[] = Array.from({ length: 3 }, () => ({ slots: 4, speed: 1 }));
const tenants = 10;
/** Of all of them together, when each asks for as much as the others. */
const load = 0.7;
const times = 10;
const growthMax = 1.2;

export const heavyTenant: FleetCell = {
  name: 'tenant',
  title: 'One tenant at ten times its share',
  about:
    'Ten tenants with a tenth of load 0.7 each on three equal servers of 4 slots; then one of them asks for ten times as much, ' +
    'which is more than there is. Times are those of the other nine.',
  measure: async ({ count, seed }) => {
    const light = createJobs({ servers, load: (load * (tenants - 1)) / tenants, count, seed });
    const lastMs = light.at(-1)?.arrivesMs ?? 0;
    const share = (factor: number) =>
      createJobs({ servers, load: (load * factor) / tenants, count: count * 2, seed: seed + 1 }).filter(
        ({ arrivesMs }) => arrivesMs < lastMs,
      );
    const alike = await othersOf(light, share(1));
    const flooded = await othersOf(light, share(times));
    const growth = flooded.p99Ms / alike.p99Ms;
    const shown = (ms: number) => (ms / 1_000).toFixed(2);
    return {
      columns: ['', 'mean, s', 'p99, s'],
      rows: [
        ['all alike', shown(alike.meanMs), shown(alike.p99Ms)],
        [`one at ${times} times its share`, shown(flooded.meanMs), shown(flooded.p99Ms)],
      ],
      goals: [
        {
          text: 'p99 of the others, of what it was',
          bound: `< ${growthMax}`,
          found: growth,
          isMet: growth < growthMax,
        },
      ],
    };
  },
};

async function othersOf(light: readonly Job[], heavy: readonly Job[]) {
  const fleet = new SimulatedFleet({ servers, policy: policies.auto({ zone: '', affinity: false }) });
  const took: number[] = [];
  const arrive = ({ workMs }: Job, tenant: string, ended: (tookMs: number) => void) =>
    fleet.arrive({
      // Nobody knows beforehand how long an answer becomes: what is expected is the same for all.
      want: { tenant, key: tenant, tokens: meanWorkMs / tokenMs },
      outputTokens: Math.ceil(workMs / tokenMs),
      begin: () => ({ tookMs: workMs, firstMs: workMs / 20 }),
      ended,
    });
  for (const [index, job] of light.entries()) {
    const tenant = `light-${index % (tenants - 1)}`;
    fleet.clock.after(job.arrivesMs, () => arrive(job, tenant, (tookMs) => took.push(tookMs)));
  }
  for (const job of heavy) fleet.clock.after(job.arrivesMs, () => arrive(job, 'heavy', () => {}));
  await fleet.clock.run();
  if (took.length < light.length) throw new RangeError('some requests were never served');
  return outcomeOf(took, fleet.clock.now());
}
