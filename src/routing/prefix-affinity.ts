/**
 * Who has the beginning of a conversation in memory, most likely: the same for all its requests, whoever of the others comes
 * or goes (highest random weight, which is consistent hashing without a ring). Nobody is followed beyond a bound,
 * so that one long conversation does not make a server the slow one.
 */
import { hash } from 'node:crypto';
import type { Target } from '../core/exchange.ts';
import type { Known, Want } from '../core/fleet.ts';

/** So many times as busy as all of them together may a target become for the sake of what it remembers. */
const busyBound = 1.25;

/** The index in `free` of whoever remembers `want.prefix`, or of who comes after it where it is busy; -1 for nobody. */
export function ownerAmong(free: readonly Target[], want: Want, known: Known): number {
  const share = busyBound * shareWithOneMore(free, want, known);
  let owner = -1;
  let best = -1;
  for (let index = 0; index < free.length; index += 1) {
    const target = free[index];
    if (target === undefined) continue;
    const places = Math.max(1, Math.round(share * known.slots(target.upstream)));
    if (known.inFlight(target.upstream) >= places) continue;
    const weight = weightOf(want.prefix, target);
    if (weight <= best) continue;
    owner = index;
    best = weight;
  }
  return owner;
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
    const name = `${target.upstream.identity}\u0000${target.model}`;
    seed = Number.parseInt(hash('sha256', name).slice(0, 8), 16);
    seeds.set(target, seed);
  }
  return mixed(prefix ^ seed);
}

/** Spreads what differs in one bit over all of them (the finisher of MurmurHash3). */
function mixed(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
