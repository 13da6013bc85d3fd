/** The policies that a configuration may name; each model has one of its own. */
import type { Policy } from '../core/fleet.ts';
import { createAuto } from './auto.ts';
import { createRoundRobin } from './round-robin.ts';

export const policies = {
  auto: createAuto,
  'round-robin': createRoundRobin,
} as const satisfies Readonly<Record<string, () => Policy>>;
