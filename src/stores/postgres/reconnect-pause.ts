/** After a failed connection nobody tries again at once: a server that is full or starting is not helped by it (DP13). */
import type { Clock } from '../../lib/clock.ts';

const firstPauseMs = 100;
/** Well below the 5 s in which we are to be back. */
const pauseMsMax = 2_000;

export class ReconnectPause {
  readonly #clock: Clock;
  #failures = 0;
  #untilMs = 0;
  #reason: Error | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Why nothing is tried now, or nothing. */
  get reason(): Error | undefined {
    return this.#clock.now() < this.#untilMs ? this.#reason : undefined;
  }

  /** Since the last time that one could be had. */
  get failing(): boolean {
    return this.#failures > 0;
  }

  failed(reason: Error): void {
    // Those who failed together count once.
    if (this.reason !== undefined) return;
    const pauseMs = Math.min(pauseMsMax, firstPauseMs * 2 ** this.#failures);
    // Replicas that lost the server in one moment come back in different ones.
    this.#untilMs = this.#clock.now() + pauseMs * (0.5 + Math.random() / 2);
    this.#failures = Math.min(this.#failures + 1, 16);
    this.#reason = reason;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#untilMs = 0;
    this.#reason = undefined;
  }
}
