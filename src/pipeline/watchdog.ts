/** The clocks of one delivery, on one timer: connect, first token, idle, total (G16). */
import type { Clocks } from '../core/exchange.ts';
import { type Failure, type FailureCode, fail } from '../core/failure.ts';
import type { Clock, Timer } from '../lib/clock.ts';

export type Phase = 'connect' | 'first_token' | 'idle' | 'answer';

export interface WatchdogOptions {
  readonly clock: Clock;
  readonly clocks: Clocks;
  /** When the exchange began: the total clock runs from there, waiting included. */
  readonly startedMs: number;
  readonly expire: (failure: Failure) => void;
}

export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #totalMs: number;
  #phase: Phase = 'connect';
  #deadlineMs = 0;
  #armedMs = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;
  #stopped = false;
  #held = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#totalMs = options.startedMs + options.clocks.totalMs;
  }

  /** Begins a phase. A later deadline moves no timer: the one that is set looks again when it fires. */
  enter(phase: Phase): void {
    if (this.#stopped) return;
    this.#phase = phase;
    const allowedMs = this.#held ? Number.POSITIVE_INFINITY : this.#allowedMs(phase);
    this.#deadlineMs = Math.min(this.#options.clock.now() + allowedMs, this.#totalMs);
    if (this.#deadlineMs < this.#armedMs) this.#arm();
  }

  /** The upstream is held back for a client that does not read: its silence is not its own. */
  hold(): void {
    if (this.#phase !== 'idle') return;
    this.#held = true;
    this.#deadlineMs = this.#totalMs;
  }

  resume(): void {
    if (!this.#held) return;
    this.#held = false;
    this.enter(this.#phase);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #allowedMs(phase: Phase): number {
    const { clocks } = this.#options;
    switch (phase) {
      case 'connect':
        return clocks.connectMs;
      case 'first_token':
        return clocks.firstTokenMs;
      case 'idle':
        return clocks.idleMs;
      case 'answer':
        return clocks.totalMs;
    }
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#armedMs = this.#deadlineMs;
    const waitMs = Math.max(0, Math.ceil(this.#deadlineMs - this.#options.clock.now()));
    this.#timer = this.#options.clock.after(waitMs, () => this.#fired());
  }

  #fired(): void {
    if (this.#stopped) return;
    const now = this.#options.clock.now();
    if (now < this.#deadlineMs) {
      this.#arm();
      return;
    }
    this.stop();
    this.#options.expire(now >= this.#totalMs ? this.#failure('answer') : this.#failure(this.#phase));
  }

  #failure(phase: Phase): Failure {
    const { code, says } = expiries[phase];
    return fail(code, `${says} ${this.#allowedMs(phase)} ms`);
  }
}

const expiries: Readonly<Record<Phase, { code: FailureCode; says: string }>> = {
  connect: { code: 'connect_timeout', says: 'the upstream took no connection within' },
  first_token: { code: 'first_token_timeout', says: 'the upstream sent no token within' },
  idle: { code: 'idle_timeout', says: 'the upstream sent nothing new for' },
  answer: { code: 'total_timeout', says: 'the answer was not complete after' },
};
