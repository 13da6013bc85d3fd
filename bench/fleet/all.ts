import { balancing } from './balancing.ts';
import type { FleetCell } from './cell.ts';
import { floodAtFewSlots } from './flood-at-few-slots.ts';
import { heavyTenant } from './heavy-tenant.ts';
import { modelSwitches } from './model-switches.ts';
import { overload } from './overload.ts';
import { prefixHits } from './prefix-hits.ts';
import { throughput } from './throughput.ts';

export const fleetCells: readonly FleetCell[] = [
  balancing,
  throughput,
  prefixHits,
  modelSwitches,
  heavyTenant,
  floodAtFewSlots,
  overload,
];
