/**
 * Looks again after a while at those who wait beside a free server, because a busy one was expected to be quicker: it may
 * be busy for long, and nothing else happens that would tell them.
 */
import type { Clock, Timer } from '../lib/clock.ts';

/** Far less than a load takes. */
const againMs = 250;

export class SecondLook {
  readonly #clock: Clock;
  readonly #look: () => void;
  #timer: Timer | undefined;
  #dueMs = 0;

  constructor(clock: Clock, look: () => void) {
    this.#clock = clock;
    this.#look = look;
  }

  soon(inMs = againMs): void {
    const dueMs = this.#clock.now() + inMs;
    if (this.#timer !== undefined && this.#dueMs <= dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = this.#clock.after(inMs, () => {
      this.#timer = undefined;
      this.#look();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
