/**
 * The clocks of one delivery, on one timer: connect, first token, idle, total (G16). Before a whole answer begins
 * nothing tells a long one from a hung server: when the first-token clock runs out, the upstream must also be suspect.
 */
import type { Clocks } from '../core/exchange.ts';
import { type Failure, type FailureCode, fail } from '../core/failure.ts';
import type { Clock, Timer } from '../lib/clock.ts';

export type Phase = 'connect' | 'first_token' | 'idle' | 'answer';

export interface WatchdogOptions {
  readonly clock: Clock;
  readonly clocks: Clocks;
  /** When the exchange began: the total clock runs from there, waiting included. */
  readonly startedMs: number;
  /** Whether the upstream seems to be gone, for a whole answer that is late. */
  readonly suspect: () => boolean;
  readonly expire: (failure: Failure) => void;
}

/** How often a late answer's upstream is looked at. */
const suspectEveryMs = 1_000;

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
  enter(phase: Phase, nowMs = this.#options.clock.now()): void {
    if (this.#stopped) return;
    this.#phase = phase;
    const allowedMs = this.#held ? Number.POSITIVE_INFINITY : this.#allowedMs(phase);
    this.#deadlineMs = Math.min(nowMs + allowedMs, this.#totalMs);
    if (this.#deadlineMs < this.#armedMs) this.#arm(nowMs);
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

  /** Whether nothing of the answer has come. */
  get awaitsFirstWord(): boolean {
    return this.#phase !== 'idle';
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
      case 'answer':
        return clocks.firstTokenMs;
      case 'idle':
        return clocks.idleMs;
    }
  }

  #arm(nowMs: number): void {
    this.#timer?.cancel();
    this.#armedMs = this.#deadlineMs;
    const waitMs = Math.max(0, Math.ceil(this.#deadlineMs - nowMs));
    this.#timer = this.#options.clock.after(waitMs, () => this.#fired());
  }

  #fired(): void {
    if (this.#stopped) return;
    const now = this.#options.clock.now();
    const isTotal = now >= this.#totalMs;
    if (now >= this.#deadlineMs && !isTotal && this.#phase === 'answer' && !this.#options.suspect()) {
      this.#deadlineMs = Math.min(now + suspectEveryMs, this.#totalMs);
    }
    if (now < this.#deadlineMs) {
      this.#arm(now);
      return;
    }
    this.stop();
    this.#options.expire(isTotal ? this.#tooLong() : this.#expired(this.#phase));
  }

  #tooLong(): Failure {
    const { totalMs } = this.#options.clocks;
    return fail('total_timeout', `the answer was not complete after ${totalMs} ms`);
  }

  #expired(phase: Phase): Failure {
    const { code, says } = expiries[phase];
    return fail(code, `${says} ${this.#allowedMs(phase)} ms`);
  }
}

const expiries: Readonly<Record<Phase, { code: FailureCode; says: string }>> = {
  connect: { code: 'connect_timeout', says: 'the upstream took no connection within' },
  first_token: { code: 'first_token_timeout', says: 'the upstream sent no token within' },
  idle: { code: 'idle_timeout', says: 'the upstream sent nothing new for' },
  answer: { code: 'first_token_timeout', says: 'the upstream is silent, and began no answer within' },
};
