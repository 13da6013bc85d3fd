// Twice the load that can be served, by clients that wait for their slot as long as the queue's clock says: what of the servers'
// time goes into answers that somebody still wants.
import { policies } from '../../src/routing/policies/registry.ts';
import type { FleetCell } from './cell.ts';
import { capacityOf, createJobs, type ServerKind, tokenMs } from './jobs.ts';
import { SimulatedFleet } from './through-scheduler.ts';

const servers: readonly ServerKind[] = Array.from({ length: 3 }, () => ({ slots: 4, speed: 1 }));
const load = 2;
const queueMs = 30_000;
const goodputMin = 0.95;

export const overload: FleetCell = {
  name: 'overload',
  title: 'Twice the load',
  about: `Three servers of 4 slots, asked for ${load} times what they can do. Requests wait for ${queueMs / 1_000} s at most.`,
  measure: async ({ count, seed }) => {
    const jobs = createJobs({ servers, load, count, seed });
    const queue = { places: 1_024 };
    const policy = policies.auto({ zones: [], affinity: false });
    const fleet = new SimulatedFleet({ servers, policy, queue, queueMs });
    const sum = { useMs: 0, served: 0, refused: 0 };
    for (const { arrivesMs, workMs } of jobs) {
      const tokens = workMs / tokenMs;
      fleet.clock.after(arrivesMs, () =>
        fleet.arrive({
          want: { tokens, answerTokens: tokens },
          outputTokens: Math.ceil(tokens),
          begin: () => ({ tookMs: workMs, firstMs: workMs / 20 }),
          ended: () => {
            sum.useMs += workMs;
            sum.served += 1;
          },
          refused: () => {
            sum.refused += 1;
          },
        }),
      );
    }
    const lastMs = jobs.at(-1)?.arrivesMs ?? 0;
    await fleet.clock.run(lastMs);
    const found = sum.useMs / (lastMs * capacityOf(servers));
    return {
      columns: ['', 'requests'],
      rows: [
        ['served', String(sum.served)],
        ['refused', String(sum.refused)],
      ],
      goals: [
        { text: 'goodput, of the capacity', bound: `≥ ${goodputMin}`, found, isMet: found >= goodputMin },
      ],
    };
  },
};
