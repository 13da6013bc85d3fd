/**
 * How a gateway leaves (G23): out of the rotation first, then no more connections, then an end for what is in flight, and
 * at last what it opened. Each step may be cut short by whoever asks for less.
 */
import { type Failure, fail } from '../core/failure.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Listener } from '../net/listener.ts';
import type { CallsUnderWay } from '../pipeline/calls-under-way.ts';

export interface DepartureOptions {
  readonly clock: Clock;
  readonly underWay: CallsUnderWay;
  /** Lets those go whose refusal was put off. */
  readonly holdNobody: () => void;
  /** Tells all who wait for a slot why there is none for them. */
  readonly refuseWaiting: (failure: Failure) => void;
  /** Absent where the start failed before it was open. */
  readonly listener: () => Pick<Listener, 'wane' | 'close'> | undefined;
  /** Closes what was opened, once nothing is in flight any more. */
  readonly release: () => Promise<void>;
}

export interface DrainLimits {
  /** How long work is still taken, after `/readyz` has begun to say no. */
  readonly preStopMs: number;
  readonly requestsMs: number;
  readonly streamsMs: number;
}

/** Who was told to end has so long to say so to its client. */
const lastWordsMs = 250;

export class Departure {
  /** Said on `/readyz`. */
  begun = false;
  /** Nothing new is taken, on no connection. */
  refuses = false;
  readonly #options: DepartureOptions;
  readonly #timers: Timer[] = [];
  /** Ends the time in which work is still taken. */
  #goOn: () => void = () => {};
  #left: Promise<void> | undefined;

  constructor(options: DepartureOptions) {
    this.#options = options;
  }

  /** Settles when everything is closed, whoever asked for it. */
  async drain(limits: DrainLimits): Promise<void> {
    if (!this.begun) {
      this.begun = true;
      this.#options.listener()?.wane();
      await new Promise<void>((resolve) => {
        this.#goOn = resolve;
        this.#after(limits.preStopMs, resolve);
      });
      if (!this.refuses) this.#end(limits);
    }
    await this.#left;
  }

  /** At once, and for all that is in flight at most so long. */
  async close(graceMs: number): Promise<void> {
    this.begun = true;
    this.refuses = true;
    this.#end({ requestsMs: graceMs, streamsMs: graceMs });
    this.#goOn();
    await this.#left;
  }

  #end({ requestsMs, streamsMs }: Omit<DrainLimits, 'preStopMs'>): void {
    const { listener, underWay, holdNobody, refuseWaiting } = this.#options;
    holdNobody();
    const lastMs = Math.max(requestsMs, streamsMs);
    const closed = listener()?.close(lastMs + lastWordsMs) ?? Promise.resolve();
    this.#within(requestsMs, () => underWay.stop('wholes', stopping('wholes')));
    this.#within(streamsMs, () => underWay.stop('streams', stopping('streams')));
    this.#within(lastMs, () => refuseWaiting(stopping('wholes')));
    this.#left ??= closed.then(() => this.#release());
  }

  async #release(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    await this.#options.release();
  }

  #within(ms: number, run: () => void): void {
    if (ms === 0) run();
    else this.#after(ms, run);
  }

  #after(ms: number, run: () => void): void {
    this.#timers.push(this.#options.clock.after(ms, run));
  }
}

const resume = {
  wholes: 'this gateway stops, and the answer was not complete: send the request again',
  streams:
    'this gateway stops: the answer ends here, unfinished. To go on with it send the request again, with what has come as ' +
    'the beginning of the answer where the model can go on from one',
} as const;

function stopping(which: 'streams' | 'wholes'): Failure {
  return fail('server_draining', resume[which], { retryAfterS: 1 });
}
