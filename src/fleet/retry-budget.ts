/** How much of the load may be retries: a storm of failures must not become a storm of requests (G17). */
import type { Clock } from '../lib/clock.ts';

export interface RetryBudgetOptions {
  readonly clock: Clock;
  /** How many requests are in flight now: those that last long are a share of the load as well. */
  readonly active: () => number;
}

/**
 * So many may be retried beyond the share of a load that is small: enough for the requests that find out that two servers
 * are gone, before these are left out. They come back only as far as the share is not used, so that in the long run no
 * more than the share is retried, however small the load is.
 */
const reserveMax = 10;
/** Requests and retries of so long ago count: long enough for a server that dies with slow answers in flight. */
const windowMs = 60_000;
const buckets = 6;
const bucketMs = windowMs / buckets;

export class RetryBudget {
  /** Retries that were not made because too many were. */
  refused = 0;
  readonly #options: RetryBudgetOptions;
  readonly #asked = new Float64Array(buckets);
  readonly #retried = new Float64Array(buckets);
  /** Which bucket is being filled, counted from the beginning of time. */
  #turn = 0;
  #reserve = reserveMax;
  /** As it was last said: what was left of it fills the reserve. */
  #share = 0;

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
    const turn = Math.floor(this.#options.clock.now() / bucketMs);
    if (turn !== this.#turn) this.#turnTo(turn);
    this.#share = share;
    // Most of those in flight were asked within the window, and are counted once.
    const allowed = share * Math.max(sum(this.#asked), this.#options.active());
    if (sum(this.#retried) + 1 > allowed) {
      if (share === 0 || this.#reserve < 1) {
        this.refused += 1;
        return false;
      }
      this.#reserve -= 1;
    }
    const at = turn % buckets;
    this.#retried[at] = (this.#retried[at] ?? 0) + 1;
    return true;
  }

  /** How many more may be retried at this moment. */
  left(share: number): number {
    const turn = Math.floor(this.#options.clock.now() / bucketMs);
    if (turn !== this.#turn) this.#turnTo(turn);
    if (share === 0) return 0;
    const allowed = share * Math.max(sum(this.#asked), this.#options.active());
    return Math.max(0, Math.floor(allowed - sum(this.#retried))) + Math.floor(this.#reserve);
  }

  #turnTo(turn: number): void {
    const passed = Math.min(buckets, turn - this.#turn);
    for (let step = passed - 1; step >= 0; step -= 1) {
      const at = (turn - step) % buckets;
      const left = this.#share * (this.#asked[at] ?? 0) - (this.#retried[at] ?? 0);
      this.#reserve = Math.min(reserveMax, this.#reserve + Math.max(0, left));
      this.#asked[at] = 0;
      this.#retried[at] = 0;
    }
    this.#turn = turn;
  }
}

function sum(counts: Float64Array): number {
  return counts.reduce((total, count) => total + count, 0);
}
