// The jobs of the published simulation through the gateway's scheduler.
import { policies } from '../../src/routing/policies/registry.ts';
import { type Job, type ServerKind, tokenMs } from './jobs.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import { SimulatedFleet } from './through-scheduler.ts';

/** What of a job passes before its first content. */
const firstShare = 0.05;

export interface RunOptions {
  readonly servers: readonly ServerKind[];
  readonly policy: keyof typeof policies;
  /** Without it nobody tells how long answers are, and what is learnt is how long they take. */
  readonly knowsTokens: boolean;
}

export async function runJobs(jobs: readonly Job[], options: RunOptions): Promise<Outcome> {
  const policy = policies[options.policy]({ zones: [], affinity: true });
  const fleet = new SimulatedFleet({ servers: options.servers, policy });
  // Weights are what an operator would write who knows the servers.
  for (const [index, target] of fleet.targets.entries()) {
    const { slots = 1, speed = 1 } = options.servers[index] ?? {};
    Object.assign(target, { weight: slots * speed });
  }
  const took: number[] = [];
  for (const { arrivesMs, workMs } of jobs) {
    fleet.clock.after(arrivesMs, () =>
      fleet.arrive({
        want: {},
        outputTokens: options.knowsTokens ? Math.ceil(workMs / tokenMs) : 0,
        begin: ({ upstream }) => {
          const tookMs = workMs / fleet.speedOf(upstream);
          return { tookMs, firstMs: options.knowsTokens ? tookMs * firstShare : 0 };
        },
        ended: (tookMs) => took.push(tookMs),
      }),
    );
  }
  await fleet.clock.run();
  if (took.length < jobs.length) throw new RangeError('some requests were never served');
  return outcomeOf(took, fleet.clock.now());
}
