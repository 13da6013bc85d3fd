/**
 * Whether a worker's event loop turns: it is asked again and again, and whoever leaves a question unanswered for too long is
 * hung. Judged by this process's own clock alone, and only while that was on time.
 */
import type { Clock, Timer } from '../../lib/clock.ts';

export interface PulseOptions {
  readonly clock: Clock;
  /** So long without an answer is hung. */
  readonly hungMs: number;
  /** Resolves when the worker has answered out of its event loop. */
  readonly ask: (timeoutMs: number) => Promise<unknown>;
  /** Told once; nothing is asked any more. */
  readonly onHung: (silentMs: number) => void;
}

/** Seldom enough to cost nothing, and often enough that one late answer is not taken for silence. */
const asksMin = 5;
const everyMsMax = 2_000;

export class Pulse {
  readonly #options: PulseOptions;
  readonly #everyMs: number;
  #dueMs: number;
  #timer: Timer;
  /** Since when it owes an answer. */
  #owesSinceMs: number | undefined;
  #isAsked = false;

  constructor(options: PulseOptions) {
    this.#options = options;
    this.#everyMs = Math.min(options.hungMs / asksMin, everyMsMax);
    this.#dueMs = options.clock.now() + this.#everyMs;
    this.#timer = options.clock.after(this.#everyMs, () => this.#look());
  }

  stop(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const { clock, hungMs, onHung } = this.#options;
    const nowMs = clock.now();
    // Whoever was held up or asleep itself, alone or with the whole machine, may have the answer unread: it counts from now.
    if (nowMs - this.#dueMs > this.#everyMs && this.#owesSinceMs !== undefined) this.#owesSinceMs = nowMs;
    this.#owesSinceMs ??= nowMs;
    const silentMs = nowMs - this.#owesSinceMs;
    if (silentMs >= hungMs) {
      onHung(silentMs);
      return;
    }
    if (!this.#isAsked) this.#ask();
    this.#dueMs = nowMs + this.#everyMs;
    this.#timer = clock.after(this.#everyMs, () => this.#look());
  }

  #ask(): void {
    const { hungMs, ask } = this.#options;
    this.#isAsked = true;
    ask(2 * hungMs).then(
      () => {
        this.#isAsked = false;
        this.#owesSinceMs = undefined;
      },
      // It could not be asked, or did not answer: it owes it still, and is asked anew.
      () => {
        this.#isAsked = false;
      },
    );
  }
}
