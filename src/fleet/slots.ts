/**
 * Who occupies which upstream. Requests wait in one queue, and a freed slot takes the oldest that it can serve:
 * nobody is bound to a server before that server is free.
 */
import type { Target, Upstream } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Health } from './health.ts';
import { Warmth } from './warmth.ts';

export interface SlotsOptions {
  readonly clock: Clock;
  readonly queue: QueueBounds;
  readonly health: Health;
}

/** How many may wait at once, and what their requests may hold together; the next one is refused. */
export interface QueueBounds {
  readonly places: number;
  readonly bytes: number;
}

/** What a request brings into the queue. */
interface Waiting {
  readonly queueMs: number;
  readonly bytes: number;
  onLeave(leave: () => void): void;
}

interface Occupied {
  readonly target: Target;
  /** Whether its model most likely has to be loaded first. */
  readonly cold: boolean;
  release(outcome: 'served' | 'left' | Failure): void;
}

interface Waiter {
  readonly bytes: number;
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
  /** What a reload says of upstreams that some who wait know by an older count. */
  #limits: ReadonlyMap<string, number> = new Map();
  /** What servers told of themselves, where nobody else said. */
  readonly #told = new Map<string, number>();
  readonly #warmth: Warmth;
  #waitingBytes = 0;
  #bounds: QueueBounds;

  constructor(options: SlotsOptions) {
    this.#options = options;
    this.#bounds = options.queue;
    this.#warmth = new Warmth(options.clock);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** After a reload: the queue's bounds hold for those who come from now on, the slots for those who wait as well. */
  resize(bounds: QueueBounds, upstreams: readonly Upstream[]): void {
    this.#bounds = bounds;
    this.#limits = new Map(upstreams.map(({ identity, slots }) => [identity, slots]));
    for (const [identity, count] of this.#inFlight) if (count === 0) this.#inFlight.delete(identity);
    const assumed = new Set(
      upstreams.filter((upstream) => upstream.slotsAssumed).map(({ identity }) => identity),
    );
    for (const identity of this.#told.keys()) if (!assumed.has(identity)) this.#told.delete(identity);
    this.#admitAll();
  }

  /** What the server says itself counts where the configuration says nothing, up to what is assumed of its kind. */
  learn(upstream: Upstream, slots: number | undefined): void {
    if (slots === undefined || !upstream.slotsAssumed) this.#told.delete(upstream.identity);
    else this.#told.set(upstream.identity, Math.min(slots, upstream.slots));
    this.#admitAll();
  }

  /** How many requests the upstream works on at once, as far as we know. */
  limitOf(upstream: Upstream): number {
    const { identity, slots } = upstream;
    return this.#told.get(identity) ?? this.#limits.get(identity) ?? slots;
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
      if (this.#hasRoom(target.upstream)) return this.#occupy(target);
    }
    return undefined;
  }

  wait(candidates: readonly Target[], waiting: Waiting): Promise<Occupied> {
    const full = this.#fullFor(waiting.bytes);
    if (full !== undefined) return Promise.reject(fail('queue_full', full, { retryAfterS: 2 }));
    return new Promise((resolve, reject) => {
      const leave = (failure: Failure) => {
        if (this.#leaveQueue(waiter)) reject(failure);
      };
      const waiter: Waiter = {
        candidates,
        bytes: waiting.bytes,
        admit: resolve,
        timer: this.#options.clock.after(waiting.queueMs, () =>
          leave(
            fail('queue_timeout', `no slot became free within ${waiting.queueMs} ms`, { retryAfterS: 5 }),
          ),
        ),
      };
      this.#waiting.add(waiter);
      this.#waitingBytes += waiter.bytes;
      waiting.onLeave(() => leave(fail('client_gone', 'the client left while waiting for a slot')));
    });
  }

  #hasRoom(upstream: Upstream): boolean {
    return this.inFlight(upstream) < this.limitOf(upstream);
  }

  #fullFor(bytes: number): string | undefined {
    const { places, bytes: bytesMax } = this.#bounds;
    if (this.#waiting.size >= places) return `all ${places} places in the queue are taken`;
    if (this.#waitingBytes + bytes > bytesMax)
      return `the requests in the queue hold ${bytesMax} bytes already`;
    return undefined;
  }

  #leaveQueue(waiter: Waiter): boolean {
    if (!this.#waiting.delete(waiter)) return false;
    this.#waitingBytes -= waiter.bytes;
    waiter.timer.cancel();
    return true;
  }

  #occupy(target: Target): Occupied {
    const { identity } = target.upstream;
    this.#inFlight.set(identity, (this.#inFlight.get(identity) ?? 0) + 1);
    const slot: Occupied = {
      target,
      cold: this.#warmth.isCold(target),
      release: (outcome) => {
        if (!this.#occupied.delete(slot)) return;
        if (outcome === 'served') this.#warmth.served(target);
        this.#free(identity);
        this.#options.health.note(target.upstream, outcome);
      },
    };
    this.#occupied.add(slot);
    return slot;
  }

  #free(identity: string): void {
    // An upstream that is idle keeps its entry until a reload: it is about to be used again.
    this.#inFlight.set(identity, (this.#inFlight.get(identity) ?? 1) - 1);
    if (this.#waiting.size > 0) this.#admitNext();
  }

  #admitAll(): void {
    let admitted = this.#admitNext();
    while (admitted) admitted = this.#admitNext();
  }

  #admitNext(): boolean {
    for (const waiter of this.#waiting) {
      const slot = this.take(waiter.candidates);
      if (slot === undefined) continue;
      this.#leaveQueue(waiter);
      waiter.admit(slot);
      return true;
    }
    return false;
  }
}
