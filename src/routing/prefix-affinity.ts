/**
 * Who has the beginning of a conversation in memory, most likely: the same for all its requests, whoever of the others comes
 * or goes (highest random weight, which is consistent hashing without a ring). Nobody is followed beyond a bound,
 * so that one long conversation does not make a server the slow one.
 */
import type { Target } from '../core/exchange.ts';
import type { Known, Want } from '../core/fleet.ts';
import { hashText, scramble } from '../lib/hash-text.ts';

/** So many times as busy as all of them together may a target become for the sake of what it remembers. */
const busyBound = 1.25;

/** The index in `free` of whoever remembers `want.prefix`, or of who comes after it where it is busy; -1 for nobody. */
export function ownerAmong(free: readonly Target[], want: Want, known: Known): number {
  const { prefix } = want;
  if (prefix === 0) return -1;
  const share = shareWithOneMore(free, want, known);
  let owner = -1;
  let best = -1;
  for (let index = 0; index < free.length; index += 1) {
    const target = free[index];
    if (target === undefined) continue;
    if (known.inFlight(target.upstream) >= placesOf(share * known.slots(target.upstream))) continue;
    const weight = weightOf(prefix, target);
    if (weight <= best) continue;
    owner = index;
    best = weight;
  }
  return owner;
}

/** Whole ones: never more than the bound, except that an even share is everybody's. */
function placesOf(evenShare: number): number {
  return Math.max(Math.ceil(evenShare), Math.floor(evenShare * busyBound));
}

/** How much of their slots the candidates of that tier will use with this one. */
function shareWithOneMore(free: readonly Target[], { candidates }: Want, known: Known): number {
  const tier = free[0]?.tier;
  let inFlight = 1;
  let slots = 0;
  for (const target of candidates) {
    if (target.tier !== tier) continue;
    inFlight += known.inFlight(target.upstream);
    slots += known.slots(target.upstream);
  }
  return inFlight / Math.max(1, slots);
}

const seeds = new WeakMap<Target, number>();

function weightOf(prefix: number, target: Target): number {
  let seed = seeds.get(target);
  if (seed === undefined) {
    seed = hashText(`${target.upstream.identity} ${target.model}`);
    seeds.set(target, seed);
  }
  return scramble(prefix ^ scramble(seed));
}
