/** Calls of one model that go at the same moment, and those before them that are still under way. */
import type { Planned } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import { type Handler, onEnded, type Reply } from '../core/stage.ts';
import type { Timer } from '../lib/clock.ts';
import type { BatchOptions } from './batch-call.ts';
import { patienceMs } from './gathering.ts';

export interface CallWindowOptions extends Pick<BatchOptions, 'clock' | 'boundsOf' | 'told'> {
  readonly next: Handler<Planned>;
  /** Nothing is under way, and nobody waits. */
  readonly onIdle: () => void;
}

interface Held {
  readonly exchange: Planned;
  readonly sinceMs: number;
  readonly resolve: (reply: Promise<Reply>) => void;
  readonly reject: (failure: Failure) => void;
}

export class CallWindow {
  readonly #options: CallWindowOptions;
  /** Until the last byte of their answers. */
  #underWay = 0;
  /** In the order of coming; never as many as one window holds. Empty while nothing is under way. */
  readonly #held = new Set<Held>();
  #timer: Timer | undefined;
  #opensMs = Number.POSITIVE_INFINITY;

  constructor(options: CallWindowOptions) {
    this.#options = options;
  }

  pass(exchange: Planned): Promise<Reply> {
    if (this.#underWay === 0) return this.#go(exchange);
    const { clock, boundsOf, told } = this.#options;
    return new Promise((resolve, reject) => {
      const held = { exchange, sinceMs: clock.now(), resolve, reject };
      this.#held.add(held);
      told.joined();
      exchange.signal.onAbort(() => this.#leave(held));
      if (this.#held.size >= boundsOf(exchange.trail.model).window) this.#open();
      else this.#openFor(held);
    });
  }

  /** Nobody waits longer than may be waited for it. */
  #openFor({ exchange, sinceMs }: Held): void {
    const opensMs = sinceMs + patienceMs(exchange, this.#options);
    if (opensMs >= this.#opensMs) return;
    this.#timer?.cancel();
    this.#opensMs = opensMs;
    this.#timer = this.#options.clock.after(opensMs - sinceMs, () => this.#open());
  }

  #open(): void {
    const all = [...this.#held];
    this.#empty();
    const nowMs = this.#options.clock.now();
    for (const { exchange, sinceMs, resolve } of all) {
      this.#options.told.left();
      exchange.trail.gatheredMs = nowMs - sinceMs;
      resolve(this.#go(exchange));
    }
  }

  #leave(held: Held): void {
    if (!this.#held.delete(held)) return;
    this.#options.told.left();
    held.reject(fail('client_gone', 'the client left while waiting to be sent with others'));
    if (this.#held.size === 0) this.#empty();
  }

  #empty(): void {
    this.#held.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#opensMs = Number.POSITIVE_INFINITY;
  }

  #go(exchange: Planned): Promise<Reply> {
    this.#underWay += 1;
    const reply = this.#options.next(exchange);
    reply.then((given) => onEnded(given, this.#ended), this.#ended);
    return reply;
  }

  readonly #ended = (): void => {
    this.#underWay -= 1;
    if (this.#underWay > 0) return;
    if (this.#held.size > 0) this.#open();
    else this.#options.onIdle();
  };
}
