/** Every policy: the keys are the configuration's `policy`. */
import type { Policy } from '../../core/fleet.ts';
import { type AutoOptions, createAuto } from './auto.ts';
import { createLeastBusy } from './least-busy.ts';
import { createPriority } from './priority.ts';
import { createRandom } from './random.ts';
import { createRoundRobin } from './round-robin.ts';
import { createWeighted } from './weighted.ts';

/** One for each model: a policy may remember whose turn it is. */
export const policies = {
  auto: createAuto,
  'round-robin': () => createRoundRobin(),
  weighted: () => createWeighted(),
  'least-busy': () => createLeastBusy(),
  priority: () => createPriority(),
  random: () => createRandom(),
} as const satisfies Record<string, (options: AutoOptions) => Policy>;

export type PolicyName = keyof typeof policies;
export const policyNames = Object.keys(policies) as readonly PolicyName[] as [PolicyName, ...PolicyName[]];
