/** How much of the load may be retries: a storm of failures must not become a storm of requests (G17). */
import type { Clock } from '../lib/clock.ts';

export interface RetryBudgetOptions {
  readonly clock: Clock;
  /** How many requests are in flight now: those that last long are a share of the load as well. */
  readonly active: () => number;
}

/**
 * So many a second may be retried where there is hardly any load to take a share of: enough for the requests that find
 * out that a server is gone, before it is left out.
 */
const perSecondMin = 10;
/** Requests and retries of so long ago count: long enough for a server that dies with slow answers in flight. */
const windowMs = 60_000;
const buckets = 6;
const bucketMs = windowMs / buckets;
const shareMin = (perSecondMin * windowMs) / 1_000;

export class RetryBudget {
  /** Retries that were not made because too many were. */
  refused = 0;
  readonly #options: RetryBudgetOptions;
  readonly #asked = new Float64Array(buckets);
  readonly #retried = new Float64Array(buckets);
  /** Which bucket is being filled, counted from the beginning of time. */
  #turn = 0;
  #second = 0;
  /** Retried in that second beyond the share. */
  #inSecond = 0;

  constructor(options: RetryBudgetOptions) {
    this.#options = options;
  }

  /** A request came. */
  asked(nowMs: number): void {
    const turn = Math.floor(nowMs / bucketMs);
    if (turn !== this.#turn) this.#turnTo(turn);
    const at = turn % buckets;
    this.#asked[at] = (this.#asked[at] ?? 0) + 1;
  }

  /** Whether one more may be retried, of a `share` of all; then it counts as retried. */
  take(share: number): boolean {
    const nowMs = this.#options.clock.now();
    const turn = Math.floor(nowMs / bucketMs);
    if (turn !== this.#turn) this.#turnTo(turn);
    const allowed = share * (sum(this.#asked) + this.#options.active());
    const isWithin = sum(this.#retried) < allowed || (allowed < shareMin && this.#isFree(nowMs));
    if (!isWithin) {
      this.refused += 1;
      return false;
    }
    const at = turn % buckets;
    this.#retried[at] = (this.#retried[at] ?? 0) + 1;
    return true;
  }

  #isFree(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    this.#inSecond += 1;
    return this.#inSecond <= perSecondMin;
  }

  #turnTo(turn: number): void {
    const passed = Math.min(buckets, turn - this.#turn);
    for (let step = 0; step < passed; step += 1) {
      const at = (turn - step) % buckets;
      this.#asked[at] = 0;
      this.#retried[at] = 0;
    }
    this.#turn = turn;
  }
}

function sum(counts: Float64Array): number {
  return counts.reduce((total, count) => total + count, 0);
}
