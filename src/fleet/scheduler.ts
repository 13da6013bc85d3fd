/**
 * Gives slots to requests. Those that find none wait here, and a freed slot takes one that it can serve: nobody is
 * bound to a server before that server is free.
 */
import type { Target, Upstream } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Ending, Gate, Known, SlotShares, Want } from '../core/fleet.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { Occupancy } from './occupancy.ts';

export interface SchedulerOptions {
  readonly clock: Clock;
  readonly queue: QueueBounds;
  readonly gate: Gate;
  /** Present where replicas share the slots. */
  readonly shares?: SlotShares | undefined;
  /** What is learnt of targets by what happens with them. */
  readonly learnt: Learnt;
}

export interface Learnt extends Pick<Known, 'serviceMs' | 'loadMs' | 'price'> {
  /** A request goes there; whether its model most likely has to be loaded first. */
  began(target: Target): boolean;
  /** Told of every request that had a slot, once it is over. */
  ended(target: Target, ending: Ending): void;
}

/** How many may wait at once, and what their requests may hold together; the next one is refused. */
export interface QueueBounds {
  readonly places: number;
  readonly bytes: number;
}

interface Waiting {
  readonly queueMs: number;
  onLeave(leave: () => void): void;
}

/** The right to occupy an upstream, until released with how it went. */
export interface Occupied {
  readonly target: Target;
  /** Whether its model most likely has to be loaded first. */
  readonly cold: boolean;
  release(ending: Ending): void;
}

interface Waiter {
  readonly want: Want;
  readonly timer: Timer;
  readonly admit: (slot: Occupied) => void;
  readonly refuse: (failure: Failure) => void;
}

export class Scheduler {
  /** What policies may ask. */
  readonly known: Known;
  readonly #options: SchedulerOptions;
  readonly #occupancy = new Occupancy();
  readonly #occupied = new Set<Occupied>();
  readonly #waiting = new Set<Waiter>();
  #waitingBytes = 0;
  #bounds: QueueBounds;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#bounds = options.queue;
    const { learnt } = options;
    this.known = {
      inFlight: (upstream) => this.#occupancy.inFlight(upstream),
      slots: (upstream) => this.#ours(upstream, this.limitOf(upstream)),
      serviceMs: (target) => learnt.serviceMs(target),
      loadMs: (target) => learnt.loadMs(target),
      price: (target) => learnt.price(target),
    };
    options.gate.onChange(() => this.#gatesMoved());
    options.shares?.onGrown(() => this.wake());
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** How many wait for a model, by the name that clients see. */
  waitingFor(model: string): number {
    let count = 0;
    for (const { want } of this.#waiting) if (want.model === model) count += 1;
    return count;
  }

  /** After a reload: the queue's bounds hold for those who come from now on, the slots for those who wait as well. */
  resize(bounds: QueueBounds, upstreams: readonly Upstream[]): void {
    this.#bounds = bounds;
    this.#occupancy.resize(upstreams);
    this.wake();
  }

  /** What the server says itself counts where the configuration says nothing, up to what is assumed of its kind. */
  learn(upstream: Upstream, slots: number | undefined): void {
    this.#occupancy.learn(upstream, slots);
    this.wake();
  }

  /** How many requests the upstream works on at once, as far as we know. */
  limitOf(upstream: Upstream): number {
    return this.#occupancy.limitOf(upstream);
  }

  slotsFrom(upstream: Upstream): ReturnType<Occupancy['limitFrom']> {
    return this.#occupancy.limitFrom(upstream);
  }

  inFlight(upstream: Upstream): number {
    return this.#occupancy.inFlight(upstream);
  }

  /** What runs where at this moment, one entry a slot. */
  get occupied(): readonly Target[] {
    return Array.from(this.#occupied, (slot) => slot.target);
  }

  /** A slot at once, or nothing. */
  take(want: Want): Occupied | undefined {
    const target = this.#choose(want);
    return target === undefined ? undefined : this.#occupy(target);
  }

  /** Rejects when the queue is full, the wait too long, or the client gone; unless a later tier has a slot free. */
  wait(want: Want, waiting: Waiting): Promise<Occupied> {
    const refusal = this.#options.gate.refusal(want.candidates, want.visited);
    if (refusal !== undefined) return Promise.reject(refusal);
    const full = this.#fullFor(want.bytes);
    if (full !== undefined) {
      const elsewhere = this.#elsewhere(want);
      if (elsewhere !== undefined) return Promise.resolve(elsewhere);
      return Promise.reject(fail('queue_full', full, { retryAfterS: 2 }));
    }
    return new Promise((resolve, reject) => {
      const leave = (failure: Failure) => {
        if (this.#leaveQueue(waiter)) reject(failure);
      };
      const leftMs = Math.max(0, want.deadlineMs - this.#options.clock.now());
      const waitMs = Math.min(waiting.queueMs, leftMs);
      const waiter: Waiter = {
        want,
        admit: resolve,
        refuse: leave,
        timer: this.#options.clock.after(waitMs, () => {
          const elsewhere = this.#elsewhere(want);
          if (elsewhere === undefined)
            leave(fail('queue_timeout', `no slot became free within ${waitMs} ms`, { retryAfterS: 5 }));
          else if (this.#leaveQueue(waiter)) resolve(elsewhere);
        }),
      };
      this.#waiting.add(waiter);
      this.#waitingBytes += want.bytes;
      for (const { upstream } of want.candidates) this.#tellWanted(upstream);
      waiting.onLeave(() => leave(fail('client_gone', 'the client left while waiting for a slot')));
    });
  }

  /** Looks again at everybody who waits: slots were added, or a server may be asked again. */
  wake(): void {
    let admitted = this.#admitNext();
    while (admitted) admitted = this.#admitNext();
  }

  /** Who may be asked again is, and whoever waits for servers that are all out need not wait for its clock. */
  #gatesMoved(): void {
    this.wake();
    for (const { want, refuse } of this.#waiting) {
      const refusal = this.#options.gate.refusal(want.candidates, want.visited);
      if (refusal !== undefined) refuse(refusal);
    }
  }

  #choose(want: Want): Target | undefined {
    const free = this.#freeFor(want);
    if (free.length === 0) return undefined;
    if (want.candidates.length === 1) return free[0];
    return free[want.policy.choose(free, want, this.known)];
  }

  /** Those of the first tier that may be asked which have a slot free. */
  #freeFor(want: Want): readonly Target[] {
    let tier = 0;
    const free: Target[] = [];
    for (const target of want.candidates) {
      if (tier !== 0 && target.tier !== tier) break;
      if (want.visited.has(target.upstream.name)) continue;
      const allowed = this.#options.gate.allows(target, this.limitOf(target.upstream), want.candidates);
      if (allowed === 0) continue;
      // One whose slots are all another replica's at this moment is busy, and not down.
      tier = target.tier;
      if (this.#hasRoom(target.upstream, allowed)) free.push(target);
    }
    return free;
  }

  /** Who can wait no longer may be served by any tier. */
  #elsewhere({ candidates, visited }: Want): Occupied | undefined {
    const target = candidates.find((candidate) => {
      const { upstream } = candidate;
      if (visited.has(upstream.name)) return false;
      return this.#hasRoom(
        upstream,
        this.#options.gate.allows(candidate, this.limitOf(upstream), candidates),
      );
    });
    return target === undefined ? undefined : this.#occupy(target);
  }

  #hasRoom(upstream: Upstream, allowed: number): boolean {
    return this.#occupancy.inFlight(upstream) < this.#ours(upstream, allowed);
  }

  /** Of so many slots those that no other replica has. */
  #ours(upstream: Upstream, slots: number): number {
    const { shares } = this.#options;
    return shares === undefined ? slots : Math.min(slots, shares.of(upstream, this.limitOf(upstream)));
  }

  #tellWanted(upstream: Upstream): void {
    const { shares } = this.#options;
    if (shares === undefined) return;
    let waiting = 0;
    for (const { want } of this.#waiting) {
      if (want.candidates.some((target) => target.upstream.identity === upstream.identity)) waiting += 1;
    }
    shares.want(upstream, this.inFlight(upstream), waiting);
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
    this.#waitingBytes -= waiter.want.bytes;
    waiter.timer.cancel();
    for (const { upstream } of waiter.want.candidates) this.#tellWanted(upstream);
    return true;
  }

  #occupy(target: Target): Occupied {
    const { gate, learnt } = this.#options;
    this.#occupancy.began(target.upstream);
    gate.began(target);
    const slot: Occupied = {
      target,
      cold: learnt.began(target),
      release: (ending) => {
        if (!this.#occupied.delete(slot)) return;
        const hasGrown = this.#occupancy.ended(target.upstream, ending);
        // First what is learnt of it, then who comes next: it may be nobody.
        learnt.ended(target, ending);
        gate.ended(target, ending);
        if (hasGrown) this.wake();
        else if (this.#waiting.size > 0) this.#admitNext();
        this.#tellWanted(target.upstream);
      },
    };
    this.#occupied.add(slot);
    this.#tellWanted(target.upstream);
    return slot;
  }

  #admitNext(): boolean {
    for (const waiter of this.#waiting) {
      const slot = this.take(waiter.want);
      if (slot === undefined) continue;
      this.#leaveQueue(waiter);
      waiter.admit(slot);
      return true;
    }
    return false;
  }
}
