/** Says when a server that answers badly should be left alone: too many failures in a row, or too large a share. */

export interface BreakerOptions {
  readonly consecutiveMax: number;
  readonly windowMs: number;
  /** Below so many outcomes in the window their share says nothing. */
  readonly outcomesMin: number;
  readonly shareMax: number;
}

/** The window moves on in so many steps. */
const steps = 10;

export class Breaker {
  readonly #options: BreakerOptions;
  readonly #succeeded = new Array<number>(steps).fill(0);
  readonly #failed = new Array<number>(steps).fill(0);
  #step = 0;
  #consecutive = 0;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  succeeded(nowMs: number): void {
    this.#consecutive = 0;
    this.#add(this.#succeeded, nowMs);
  }

  /** True when that was one too many. */
  failed(nowMs: number): boolean {
    this.#consecutive += 1;
    this.#add(this.#failed, nowMs);
    if (this.#consecutive >= this.#options.consecutiveMax) return true;
    const failures = sum(this.#failed);
    const outcomes = failures + sum(this.#succeeded);
    return outcomes >= this.#options.outcomesMin && failures >= outcomes * this.#options.shareMax;
  }

  #add(counts: number[], nowMs: number): void {
    const step = Math.floor((nowMs * steps) / this.#options.windowMs);
    for (let passed = Math.max(this.#step + 1, step - steps + 1); passed <= step; passed += 1) {
      this.#succeeded[passed % steps] = 0;
      this.#failed[passed % steps] = 0;
    }
    this.#step = Math.max(this.#step, step);
    const at = this.#step % steps;
    counts[at] = (counts[at] ?? 0) + 1;
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
