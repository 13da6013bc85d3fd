/** One request as the simulator serves it: waits for its turn, then plays its script by the clock. */
import { type Failure, fail } from '../../core/failure.ts';
import type { Flow, Receiver } from '../../core/transport.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Fate } from './fate.ts';
import type { Pace } from './pace.ts';
import type { Script } from './script.ts';

/** However much is due, other work gets its turn after so many frames. */
const framesPerTurn = 32;

export interface Performance {
  readonly script: Script;
  readonly fate: Fate;
  readonly pace: Pace;
  /** What passes before the first token's own time begins. */
  readonly delayMs: number;
}

export class Playback implements Flow {
  readonly #receiver: Receiver;
  readonly #clock: Clock;
  readonly #onOver: () => void;
  #performance: Performance | undefined;
  #timer: Timer | undefined;
  #dueMs = 0;
  #step = 0;
  #headSent = false;
  #paused = false;
  #over = false;

  constructor(receiver: Receiver, clock: Clock, onOver: () => void) {
    this.#receiver = receiver;
    this.#clock = clock;
    this.#onOver = onOver;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Falls silent at its end, and so has to be broken off when the simulator closes. */
  get stalls(): boolean {
    return this.#performance?.fate === 'stall';
  }

  sent(): void {
    this.#receiver.sent();
  }

  play(performance: Performance): void {
    const { script, pace, delayMs } = performance;
    this.#performance = performance;
    this.#dueMs = this.#clock.now() + delayMs + pace.firstMs;
    if (!script.streamed) this.#dueMs += pace.spanMs(script.steps - 1);
    this.#schedule();
  }

  pause(): void {
    this.#paused = true;
    this.#stopTimer();
  }

  /** The engine did not stand still meanwhile: what came due is sent now. */
  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  abort(): void {
    this.#finish();
  }

  fail(failure: Failure): void {
    if (this.#finish()) this.#receiver.fail(failure);
  }

  breakOff(reason: string): void {
    this.fail(fail('upstream_cut', reason));
  }

  #schedule(): void {
    if (this.#over || this.#paused || this.#timer !== undefined || this.#performance === undefined) return;
    const waitMs = Math.max(0, this.#dueMs - this.#clock.now());
    this.#timer = this.#clock.after(waitMs, () => {
      this.#timer = undefined;
      if (this.#performance !== undefined) this.#turn(this.#performance);
    });
  }

  #turn(performance: Performance): void {
    const last = lastStep(performance);
    const text = performance.script.streamed
      ? this.#dueFrames(performance, last)
      : this.#wholeBody(performance, last);
    if (text !== undefined) this.#deliver(performance.script, text);
    // The receiver may have aborted or paused while it was handed the data: then its end waits too.
    if (this.#over || this.#paused) return;
    if (this.#step < last) this.#schedule();
    else this.#endAs(performance.fate);
  }

  #deliver(script: Script, text: string): void {
    if (!this.#headSent) {
      this.#headSent = true;
      this.#receiver.head(script.status, script.headers);
    }
    if (!this.#over && text !== '') this.#receiver.data(Buffer.from(text));
  }

  #dueFrames({ script, pace }: Performance, last: number): string | undefined {
    const now = this.#clock.now();
    let text: string | undefined;
    for (let count = 0; count < framesPerTurn && this.#step < last && this.#dueMs <= now; count += 1) {
      text = (text ?? '') + script.frame(this.#step);
      this.#step += 1;
      this.#dueMs += pace.nextMs();
    }
    return text;
  }

  #wholeBody({ script, fate }: Performance, last: number): string | undefined {
    if (this.#step === last || this.#dueMs > this.#clock.now()) return undefined;
    this.#step = last;
    const body = script.frame(0);
    return fate === 'answer' || fate === 'status' ? body : body.slice(0, body.length / 2);
  }

  #endAs(fate: Fate): void {
    if (fate === 'cut') this.breakOff('the simulator broke off its answer, as it was told to');
    else if (fate !== 'stall' && this.#finish()) this.#receiver.end();
  }

  /** False when it was over already. The slot is free before the receiver hears of it. */
  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#stopTimer();
    this.#performance = undefined;
    this.#onOver();
    return true;
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/** A stream that fails does so half-way. */
function lastStep({ script, fate }: Performance): number {
  return fate === 'answer' || fate === 'status' ? script.steps : Math.ceil(script.steps / 2);
}
