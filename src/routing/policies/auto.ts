/**
 * The gateway's best: whoever is expected to be done first, as learnt. Where
 * several are expected to be done at about the same time, the cheapest is chosen, then whoever is least busy.
 */
import type { Target } from '../../core/exchange.ts';
import type { Known, Policy, Want } from '../../core/fleet.ts';
import { busyShare } from '../busy-share.ts';
import { firstBy } from '../first-by.ts';
import { ownerAmong } from '../prefix-affinity.ts';
import { Turns } from '../turns.ts';

/** What is learnt is never exact, and servers that work on several requests at once are slower for each. */
const nearlyEqual = 1.25;
/** Whoever has the conversation in memory may be so many times slower and is asked all the same. */
const affinityGain = 2;

export interface AutoOptions {
  /** Whether conversations stay where they were. */
  readonly affinity: boolean;
}

export function createAuto(options: AutoOptions): Policy {
  return new Auto(options);
}

class Auto implements Policy {
  readonly #options: AutoOptions;
  readonly #turns = new Turns();

  constructor(options: AutoOptions) {
    this.#options = options;
  }

  choose(free: readonly Target[], want: Want, known: Known): number {
    if (free.length === 1) return 0;
    const expected = free.map((target) => expectedMsOf(target, known));
    const bestMs = Math.min(...expected);
    const owner = this.#options.affinity ? ownerAmong(free, want, known) : -1;
    return (expected[owner] ?? Number.NaN) <= bestMs * affinityGain
      ? owner
      : this.#among(free, { expected, bestMs, known });
  }

  /** Of those that are expected to be done first, give or take, the cheapest, the least busy, whose turn it is. */
  #among(free: readonly Target[], { expected, bestMs, known }: Expected): number {
    const soonest = free.filter((_, index) => (expected[index] ?? 0) <= bestMs * nearlyEqual);
    const chosen = firstBy(
      soonest,
      (one, other) =>
        known.price(one) - known.price(other) ||
        busyShare(one, known) - busyShare(other, known) ||
        this.#turns.compare(one, other),
    );
    const target = soonest[this.#turns.take(soonest, chosen)];
    return target === undefined ? -1 : free.indexOf(target);
  }
}

interface Expected {
  readonly expected: readonly number[];
  readonly bestMs: number;
  readonly known: Known;
}

/** A target that nobody knows is tried at once, by one request: until that has ended it is everybody's last choice. */
function expectedMsOf(target: Target, known: Known): number {
  const serviceMs = known.serviceMs(target);
  if (serviceMs === 0 && known.inFlight(target.upstream) > 0) return Number.POSITIVE_INFINITY;
  return serviceMs + known.loadMs(target);
}
