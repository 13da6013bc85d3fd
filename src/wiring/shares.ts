/** This replica's part of each upstream's slots, where others use the same servers. */
import { SlotShares } from '../fleet/slot-shares.ts';
import type { Clock } from '../lib/clock.ts';
import type { Shared } from '../stores/shared-state.ts';

export function createShares(
  clock: Clock,
  { leases, presence }: Pick<Shared, 'leases' | 'presence'>,
): SlotShares | undefined {
  return leases === undefined
    ? undefined
    : new SlotShares({ leases, clock, replicas: () => presence.count() });
}
