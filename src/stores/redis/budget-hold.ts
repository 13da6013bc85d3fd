/**
 * A new epoch begins with a hold: nothing is given away until all replicas have told what they know of budgets. It ends when the
 * last of them says so, and at the latest when its time is over: one that died is not waited for.
 */
import type { Clock } from '../../lib/clock.ts';

/** Of the server's time. */
export const holdMs = 250;

export class BudgetHold {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Until all have told, and for so long at most. */
  wait(leftMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel();
        this.#waiting.delete(end);
        resolve();
      };
      const timer = this.#clock.after(Math.min(leftMs, holdMs), end);
      this.#waiting.add(end);
    });
  }

  /** All have told: whoever waits asks again. */
  end(): void {
    for (const end of this.#waiting) end();
  }
}
