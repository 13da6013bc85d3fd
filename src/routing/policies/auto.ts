/**
 * The gateway's best: whoever is expected to be done first, as learnt. Where several are expected to be done at about the
 * same time, the cheapest is chosen, then whoever is least busy for its weight.
 */
import type { Target } from '../../core/exchange.ts';
import type { Known, Policy, Want } from '../../core/fleet.ts';
import { busyShare } from '../busy-share.ts';
import { firstBy } from '../first-by.ts';
import { PrefixAffinity } from '../prefix-affinity.ts';
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
  readonly name = 'auto';
  readonly #options: AutoOptions;
  readonly #turns = new Turns();
  readonly #prefixes = new PrefixAffinity();

  constructor(options: AutoOptions) {
    this.#options = options;
  }

  choose(free: readonly Target[], want: Want, known: Known): number {
    const index = free.length === 1 ? 0 : this.#best(free, want, known);
    const chosen = free[index];
    return chosen === undefined || isWorthWaiting(chosen, want, known) ? -1 : index;
  }

  #best(free: readonly Target[], want: Want, known: Known): number {
    const expected = free.map((target) => expectedMsOf(target, known));
    const bestMs = Math.min(...expected);
    const owner = this.#options.affinity ? this.#prefixes.ownerAmong(free, want, known) : -1;
    return (expected[owner] ?? Number.NaN) <= bestMs * affinityGain
      ? owner
      : this.#among(free, { expected, bestMs, known });
  }

  /** Of those that are expected to be done first, give or take, the cheapest, the least busy for its weight, whose turn it is. */
  #among(free: readonly Target[], { expected, bestMs, known }: Expected): number {
    const soonest = free.filter((_, index) => (expected[index] ?? 0) <= bestMs * nearlyEqual);
    const chosen = firstBy(
      soonest,
      (one, other) =>
        known.price(one) - known.price(other) ||
        guessedShare(other, known) - guessedShare(one, known) ||
        busyShare(one, known) / one.weight - busyShare(other, known) / other.weight ||
        other.weight - one.weight ||
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

/**
 * Whoever would have to load the model waits for a busy server that has it, or loads it, as long as loading takes and no longer: so
 * it never loses more than twice the time, and servers do not load one model in place of another for each request.
 */
function isWorthWaiting(chosen: Target, want: Want, known: Known): boolean {
  const loadMs = known.loadMs(chosen);
  if (loadMs === 0 || known.nowMs() - want.arrivedMs >= loadMs) return false;
  return want.candidates.some(
    (target) =>
      target.tier === chosen.tier &&
      !want.visited.has(target.upstream.name) &&
      known.isPlaced(target) &&
      known.inFlight(target.upstream) >= known.slots(target.upstream) &&
      known.mayBeAsked(target, want),
  );
}

/** How much of a model lies on a graphics processor is the best guess of its speed until that has been seen. */
function guessedShare(target: Target, known: Known): number {
  return known.serviceMs(target) > 0 ? 1 : known.gpuShare(target);
}

/** A target that nobody knows is tried at once, by one request: until that has ended it is everybody's last choice. */
function expectedMsOf(target: Target, known: Known): number {
  const serviceMs = known.serviceMs(target);
  if (serviceMs === 0 && known.inFlight(target.upstream) > 0) return Number.POSITIVE_INFINITY;
  return serviceMs + known.loadMs(target);
}
