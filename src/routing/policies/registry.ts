/** Every policy: the keys are the configuration's `policy`. */
import type { Policy } from '../../core/fleet.ts';
import { nearestFirst } from '../nearest-first.ts';
import { type AutoOptions, createAuto } from './auto.ts';
import { createLeastBusy } from './least-busy.ts';
import { createPriority } from './priority.ts';
import { createRandom } from './random.ts';
import { createRoundRobin } from './round-robin.ts';
import { createWeighted } from './weighted.ts';

interface PolicyOptions extends AutoOptions {
  /** Our own; empty where nobody said. */
  readonly zone: string;
}

/** One for each model: a policy may remember whose turn it is. */
export const policies = {
  auto: ({ zone, affinity }) => nearestFirst(zone, createAuto({ affinity })),
  'round-robin': ({ zone }) => nearestFirst(zone, createRoundRobin()),
  weighted: ({ zone }) => nearestFirst(zone, createWeighted()),
  'least-busy': ({ zone }) => nearestFirst(zone, createLeastBusy()),
  priority: ({ zone }) => nearestFirst(zone, createPriority()),
  random: ({ zone }) => nearestFirst(zone, createRandom()),
} as const satisfies Record<string, (options: PolicyOptions) => Policy>;

export type PolicyName = keyof typeof policies;
export const policyNames = Object.keys(policies) as readonly PolicyName[] as [PolicyName, ...PolicyName[]];
