/**
 * Who occupies which upstream. Requests wait in one queue, and a freed slot takes the oldest that it can serve:
 * nobody is bound to a server before that server is free.
 */
import type { Target, Upstream } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Health } from './health.ts';

export interface SlotsOptions {
  readonly clock: Clock;
  /** How many may wait at once; the next one is refused. */
  readonly places: number;
  readonly health: Health;
}

interface Occupied {
  readonly target: Target;
  release(outcome: 'served' | 'left' | Failure): void;
}

interface Waiter {
  readonly candidates: readonly Target[];
  readonly timer: Timer;
  readonly admit: (slot: Occupied) => void;
}

export class Slots {
  readonly #options: SlotsOptions;
  /** By the upstream's identity, so that a reload does not forget who is still working. */
  readonly #inFlight = new Map<string, number>();
  readonly #occupied = new Set<Occupied>();
  readonly #waiting = new Set<Waiter>();
  #lastPlaces: number;

  constructor(options: SlotsOptions) {
    this.#options = options;
    this.#lastPlaces = options.places;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** After a reload: the queue's new length holds for those who come from now on. */
  resize(places: number): void {
    this.#lastPlaces = places;
  }

  inFlight(upstream: Upstream): number {
    return this.#inFlight.get(upstream.identity) ?? 0;
  }

  /** What runs where at this moment, one entry a slot. */
  get occupied(): readonly Target[] {
    return Array.from(this.#occupied, (slot) => slot.target);
  }

  take(candidates: readonly Target[]): Occupied | undefined {
    for (const target of candidates) {
      if (this.inFlight(target.upstream) < target.upstream.slots) return this.#occupy(target);
    }
    return undefined;
  }

  wait(
    candidates: readonly Target[],
    waiting: { queueMs: number; onLeave(leave: () => void): void },
  ): Promise<Occupied> {
    if (this.#waiting.size >= this.#lastPlaces) {
      return Promise.reject(
        fail('queue_full', `all ${this.#lastPlaces} places in the queue are taken`, { retryAfterS: 2 }),
      );
    }
    return new Promise((resolve, reject) => {
      const leave = (failure: Failure) => {
        if (!this.#waiting.delete(waiter)) return;
        waiter.timer.cancel();
        reject(failure);
      };
      const waiter: Waiter = {
        candidates,
        admit: resolve,
        timer: this.#options.clock.after(waiting.queueMs, () =>
          leave(
            fail('queue_timeout', `no slot became free within ${waiting.queueMs} ms`, { retryAfterS: 5 }),
          ),
        ),
      };
      this.#waiting.add(waiter);
      waiting.onLeave(() => leave(fail('client_gone', 'the client left while waiting for a slot')));
    });
  }

  #occupy(target: Target): Occupied {
    const { identity } = target.upstream;
    this.#inFlight.set(identity, (this.#inFlight.get(identity) ?? 0) + 1);
    const slot: Occupied = {
      target,
      release: (outcome) => {
        if (!this.#occupied.delete(slot)) return;
        this.#free(identity);
        this.#options.health.note(target.upstream, outcome);
      },
    };
    this.#occupied.add(slot);
    return slot;
  }

  #free(identity: string): void {
    const left = (this.#inFlight.get(identity) ?? 1) - 1;
    if (left === 0) this.#inFlight.delete(identity);
    else this.#inFlight.set(identity, left);
    if (this.#waiting.size > 0) this.#admitNext();
  }

  #admitNext(): void {
    for (const waiter of this.#waiting) {
      const slot = this.take(waiter.candidates);
      if (slot === undefined) continue;
      this.#waiting.delete(waiter);
      waiter.timer.cancel();
      waiter.admit(slot);
      return;
    }
  }
}
