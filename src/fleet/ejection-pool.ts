/** Who of those that would do is left out: never all, and for bad answers never more than half. */
import type { Target } from '../core/exchange.ts';
import type { Breaker } from './breaker.ts';

export class EjectionPool {
  readonly #targets: readonly Target[];
  readonly #breakerOf: (target: Target) => Breaker | undefined;

  /** `breakerOf` is the one that keeps requests from a target, if any does. */
  constructor(targets: readonly Target[], breakerOf: (target: Target) => Breaker | undefined) {
    this.#targets = targets;
    this.#breakerOf = breakerOf;
  }

  /**
   * Whether nobody serves anything: then each is tried with one request at a time, for a failing answer is better than
   * none, and who is back must be found.
   */
  get isDead(): boolean {
    return this.#targets.every((target) => {
      const breaker = this.#breakerOf(target);
      return breaker?.standing === 'open' && breaker.cause !== 'rate';
    });
  }

  /** Whether half of them are left out before this one. Who serves some stays longer than who serves none. */
  hasLeftOutHalf(target: Target, mine: Breaker): boolean {
    const at = this.#targets.indexOf(target);
    let before = 0;
    for (const [index, other] of this.#targets.entries()) {
      const theirs = index === at ? undefined : this.#breakerOf(other);
      if (theirs === undefined || theirs.standing === 'closed' || theirs.standing === 'returning') continue;
      if (goesBefore(theirs, mine) ?? index < at) before += 1;
    }
    return before >= Math.floor(this.#targets.length / 2);
  }
}

/** Nothing where neither does. */
function goesBefore(theirs: Breaker, mine: Breaker): boolean | undefined {
  const [theyServe, iServe] = [theirs.cause === 'rate', mine.cause === 'rate'];
  if (theyServe !== iServe) return iServe;
  return theirs.openedMs === mine.openedMs ? undefined : theirs.openedMs < mine.openedMs;
}
