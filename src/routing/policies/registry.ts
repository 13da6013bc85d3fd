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
  /** Our own, then the others as far as somebody said; none where nobody did. */
  readonly zones: readonly string[];
}

/** One for each model: a policy may remember whose turn it is. */
export const policies = {
  auto: ({ zones, affinity }) => nearestFirst(zones, createAuto({ affinity })),
  'round-robin': ({ zones }) => nearestFirst(zones, createRoundRobin()),
  weighted: ({ zones }) => nearestFirst(zones, createWeighted()),
  'least-busy': ({ zones }) => nearestFirst(zones, createLeastBusy()),
  priority: ({ zones }) => nearestFirst(zones, createPriority()),
  random: ({ zones }) => nearestFirst(zones, createRandom()),
} as const satisfies Record<string, (options: PolicyOptions) => Policy>;

export type PolicyName = keyof typeof policies;
export const policyNames = Object.keys(policies) as readonly PolicyName[] as [PolicyName, ...PolicyName[]];
