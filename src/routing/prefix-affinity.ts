/**
 * Who has the beginning of a conversation in memory, most likely: the same for all its requests, whoever of the others
 * comes or goes (highest random weight, which is consistent hashing without a ring). Nobody is followed who has been
 * busier than the others by more than a bound, so that a conversation that everybody asks for does not make a server
 * the slow one. A bound on this moment's load instead would send away every second conversation, for chance alone.
 */
import type { Target } from '../core/exchange.ts';
import type { Known, Want } from '../core/fleet.ts';
import { hashText, scramble } from '../lib/hash-text.ts';
import { busyShare } from './busy-share.ts';

/**
 * So many times as busy as all of them in the mean may a target be for the sake of what it remembers. What is under way when
 * that is noticed comes on top: in ten seconds it is not more than 1.25 times, whatever everybody asks for (`bench/fleet/prefix-hits.ts`).
 */
const busyBound = 1.15;
/** Counted over so many requests of conversations, the older ones less. */
const requestsCounted = 32;

export class PrefixAffinity {
  /** How much of its slots each used in the mean. Forgotten with the configuration that made the target. */
  readonly #shares = new WeakMap<Target, number>();

  /** The index in `free` of whoever remembers `want.prefix`, or of who comes after it where it is busy; -1 for nobody. */
  ownerAmong(free: readonly Target[], want: Want, known: Known): number {
    if (want.prefix === 0) return -1;
    const bound = busyBound * this.#meanShare(free[0]?.tier, want, known);
    let owner = -1;
    let best = -1;
    for (let index = 0; index < free.length; index += 1) {
      const target = free[index];
      if (target === undefined || (this.#shares.get(target) ?? 0) > bound) continue;
      const weight = weightOf(want.prefix, target);
      if (weight <= best) continue;
      owner = index;
      best = weight;
    }
    return owner;
  }

  /** Looks at the candidates of a tier once more; the mean of them all. */
  #meanShare(tier: number | undefined, { candidates }: Want, known: Known): number {
    let sum = 0;
    let count = 0;
    for (const target of candidates) {
      if (target.tier !== tier) continue;
      const before = this.#shares.get(target) ?? 0;
      const share = before + (busyShare(target, known) - before) / requestsCounted;
      this.#shares.set(target, share);
      sum += share;
      count += 1;
    }
    return sum / Math.max(1, count);
  }
}

const seeds = new WeakMap<Target, number>();

function weightOf(prefix: number, target: Target): number {
  let seed = seeds.get(target);
  if (seed === undefined) {
    seed = scramble(hashText(`${target.upstream.identity} ${target.model}`));
    seeds.set(target, seed);
  }
  return scramble(prefix ^ seed);
}
