/** This replica's part of each upstream's slots, where others use the same servers. */
import { createHmac } from 'node:crypto';
import { PartyShares } from '../fleet/party-shares.ts';
import { SlotShares } from '../fleet/slot-shares.ts';
import type { Clock } from '../lib/clock.ts';
import type { KeyRing } from '../lib/seal.ts';
import type { Shared } from '../stores/shared-state.ts';

export interface Shares {
  readonly slots: SlotShares;
  readonly parties: PartyShares;
}

export function createShares(
  clock: Clock,
  { leases, presence }: Pick<Shared, 'leases' | 'presence'>,
  masterKeys: KeyRing,
): Shares | undefined {
  if (leases === undefined) return undefined;
  const parties = new PartyShares(createMarks(masterKeys));
  const slots = new SlotShares({ leases, clock, replicas: () => presence.count(), parties });
  return { slots, parties };
}

/** Those used longest ago are made again. */
const marksMax = 10_000;
/** 36 bits: of the few that meet at one server no two have the same by chance. */
const markLetters = 6;

/**
 * What stands for a name where replicas share it: nobody who has not the master key learns the name. Where each has a master
 * key of its own none knows another's, and to each the others' tenants are none of its own.
 */
export function createMarks(masterKeys: KeyRing): (name: string) => string {
  const { key } = masterKeys.derive('marks of parties').current;
  const marks = new Map<string, string>();
  return (name) => {
    const known = marks.get(name);
    if (known !== undefined) return known;
    const mark = createHmac('sha256', key).update(name).digest('base64url').slice(0, markLetters);
    if (marks.size >= marksMax) marks.clear();
    marks.set(name, mark);
    return mark;
  };
}
