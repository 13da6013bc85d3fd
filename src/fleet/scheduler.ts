/**
 * Gives slots to requests. Those that find none wait here, a queue for each model, and a freed slot looks at all queues
 * that it can serve: nobody is bound to a server before that server is free.
 */
import type { Target, Upstream } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Ending, Gate, Known, QueuePlace, SlotShares, Want } from '../core/fleet.ts';
import type { Clock } from '../lib/clock.ts';
import { DrainRates } from './drain-rates.ts';
import { partyOf, type QueueRules } from './fair-queue.ts';
import type { Moment } from './line.ts';
import { type ModelQueue, ModelQueues } from './model-queues.ts';
import { type Head, ModelTurns } from './model-turns.ts';
import { Occupancy, type SlotsFrom } from './occupancy.ts';
import { Openings } from './openings.ts';
import { type PlaceBounds, Places } from './places.ts';
import { queueFull, queueTimeout } from './queue-failures.ts';
import { type QueueView, viewQueue } from './queue-view.ts';
import { SecondLook } from './second-look.ts';
import { Waiter } from './waiter.ts';

export interface SchedulerOptions {
  readonly clock: Clock;
  readonly queue: QueueOptions;
  readonly gate: Gate;
  /** Present where replicas share the slots. */
  readonly shares?: SlotShares | undefined;
  /** What is learnt of targets by what happens with them. */
  readonly learnt: Learnt;
}

export interface QueueOptions extends PlaceBounds, QueueRules {
  /** How long who waits for another model lets a server stay with the one it holds. */
  readonly stayMs: number;
}

export interface Learnt extends Pick<Known, 'loadMs' | 'price'> {
  /** For an answer of usual length, or of so many tokens where those are fewer; 0 where nothing is known. */
  serviceMs(target: Target, tokensMax?: number): number;
  /** A request goes there; whether its model most likely has to be loaded first. */
  began(target: Target): boolean;
  /** Told of every request that had a slot, once it is over. */
  ended(target: Target, ending: Ending): void;
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

/** Of so many slots that are given to who waits, one is for those whom higher priorities have held up too long. */
const turnsBetweenAged = 4;
export class Scheduler {
  /** What policies may ask. */
  readonly known: Known;
  readonly #options: SchedulerOptions;
  readonly #occupancy = new Occupancy();
  readonly #openings: Openings;
  readonly #occupied = new Set<Occupied>();
  readonly #waiters = new Map<Want, Waiter>();
  readonly #places: Places<Waiter>;
  readonly #drained = new DrainRates();
  readonly #modelTurns: ModelTurns;
  readonly #secondLook: SecondLook;
  #queues: ModelQueues<Waiter>;
  #rules: QueueOptions;
  #turn = 0;

  constructor(options: SchedulerOptions) {
    const { learnt, gate, shares, queue } = options;
    this.#options = options;
    this.#rules = queue;
    this.#openings = new Openings({ occupancy: this.#occupancy, gate, shares });
    this.#places = new Places(queue);
    this.#secondLook = new SecondLook(options.clock, () => this.#serve([...this.#queues.all]));
    this.#queues = new ModelQueues(this.#rules);
    this.known = {
      nowMs: () => options.clock.now(),
      inFlight: (upstream) => this.#occupancy.inFlight(upstream),
      slots: (upstream) => this.#openings.slots(upstream),
      serviceMs: (target) => learnt.serviceMs(target),
      loadMs: (target) => learnt.loadMs(target),
      price: (target) => learnt.price(target),
    };
    this.#modelTurns = new ModelTurns({ known: this.known, ...queue });
    gate.onChange(() => this.wake());
    shares?.onGrown(() => this.wake());
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** How many wait for a model, by the name that clients see. */
  waitingFor(model: string): number {
    return this.#queues.of(model)?.line.size ?? 0;
  }

  /** After a reload: bounds hold for those who come from now on, slots and rules for those who wait as well. */
  resize(rules: QueueOptions, upstreams: readonly Upstream[]): void {
    this.#rules = rules;
    this.#places.bounds = rules;
    this.#modelTurns.options = { known: this.known, ...rules };
    this.#modelTurns.keepOnly(upstreams);
    this.#occupancy.resize(upstreams);
    this.#queues = new ModelQueues(this.#rules);
    for (const waiter of this.#waiters.values()) this.#queues.add(waiter);
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

  /** How that is known; `leased` where others of us have some of them at this moment. */
  slotsFrom(upstream: Upstream): SlotsFrom | 'leased' {
    const isShared = this.known.slots(upstream) < this.limitOf(upstream);
    return isShared ? 'leased' : this.#occupancy.limitFrom(upstream);
  }

  inFlight(upstream: Upstream): number {
    return this.#occupancy.inFlight(upstream);
  }

  /** What runs where at this moment, one entry a slot. */
  get occupied(): readonly Target[] {
    return Array.from(this.#occupied, (slot) => slot.target);
  }

  /** Who waits for what, for people. */
  get queues(): readonly QueueView[] {
    return Array.from(this.#queues.all, ({ model }) => {
      const waiters = [...this.#waiters.values()].filter(({ want }) => want.model === model);
      return viewQueue(model, waiters, {
        nowMs: this.#options.clock.now(),
        placeOf: ({ want }) => this.placeOf(want),
        expectedMs: this.#expectedMs(model, waiters.length + 1),
      });
    });
  }

  placeOf(want: Want): QueuePlace | undefined {
    const waiter = this.#waiters.get(want);
    const ahead = waiter === undefined ? undefined : this.#queues.of(want.model)?.line.ahead(waiter);
    if (ahead === undefined) return undefined;
    return { position: ahead + 1, expectedMs: this.#expectedMs(want.model, ahead + 1) };
  }

  /** A slot at once, or nothing. Where others wait for the model, whoever comes stands behind them. */
  take(want: Want): Occupied | undefined {
    if (this.#waiters.size > 0 && this.#queues.of(want.model) !== undefined) return undefined;
    const target = this.#choose(want);
    return target === undefined ? undefined : this.#occupy(target);
  }

  /** Rejects when the queue is full, the wait too long, or the client gone; unless a later tier has a slot free. */
  wait(want: Want, waiting: Waiting): Promise<Occupied> {
    const { clock } = this.#options;
    const nowMs = clock.now();
    const waitMs = Math.min(waiting.queueMs, this.#inTimeMs(want) - nowMs);
    const refusal = waitMs <= 0 ? this.#tooLate(want, 0) : this.#makeRoom(want);
    if (refusal !== undefined) {
      const elsewhere = this.#elsewhere(want);
      return elsewhere === undefined ? Promise.reject(refusal) : Promise.resolve(elsewhere);
    }
    return new Promise((resolve, reject) => {
      const party = partyOf(want, this.#rules.fairness);
      const waiter = new Waiter({ want, party, sinceMs: nowMs, admit: resolve, refuse: reject });
      waiter.timer = clock.after(waitMs, () => this.#refuse(waiter, this.#tooLate(want, waitMs)));
      this.#waiters.set(want, waiter);
      this.#places.add(waiter);
      const queue = this.#queues.add(waiter);
      this.#tellWanted(waiter);
      waiting.onLeave(() => {
        if (this.#leave(waiter)) reject(fail('client_gone', 'the client left while waiting for a slot'));
      });
      // Those before it may wait for other servers than it could go to, or have given way to it.
      if (this.#openings.of(want).length > 0) this.#serve([queue]);
    });
  }

  /** Looks again at everybody who waits: slots were added, or a server may be asked again, or may not any more. */
  wake(): void {
    if (this.#waiters.size === 0) return;
    this.#serve([...this.#queues.all]);
    for (const waiter of [...this.#waiters.values()]) {
      const refusal = this.#refusalOf(waiter.want);
      if (refusal !== undefined) this.#refuse(waiter, refusal);
    }
  }

  #choose(want: Want): Target | undefined {
    const free = this.#openings.of(want);
    if (free.length === 0) return undefined;
    if (want.candidates.length === 1) return free[0];
    const chosen = free[want.policy.choose(free, want, this.known)];
    // Waiting for one that is busy needs one that is busy: else nobody would ever look again.
    if (chosen === undefined && want.candidates.every(({ upstream }) => this.inFlight(upstream) === 0))
      return free[0];
    return chosen;
  }

  #occupy(target: Target): Occupied {
    const { gate, learnt, clock } = this.#options;
    this.#occupancy.began(target);
    gate.began(target);
    if (target.upstream.loadsModels) this.#modelTurns.began(target, clock.now());
    const slot: Occupied = {
      target,
      cold: learnt.began(target),
      release: (ending) => {
        if (!this.#occupied.delete(slot)) return;
        this.#occupancy.ended(target, ending);
        // First what is learnt of it, then who comes next: it may be nobody.
        learnt.ended(target, ending);
        gate.ended(target, ending);
        this.#freed(target.upstream);
      },
    };
    this.#occupied.add(slot);
    this.#tellShares(target.upstream);
    return slot;
  }

  #freed(upstream: Upstream): void {
    if (this.#waiters.size > 0) {
      // A server that is to hold several at once may be free for several.
      while (this.#openings.hasRoom(upstream) && this.#serveOne(this.#queues.at(upstream)));
    }
    this.#tellShares(upstream);
  }

  #serve(queues: Iterable<ModelQueue<Waiter>>): void {
    while (this.#serveOne(queues));
  }

  /** Gives one of those who wait the slot that there is for it. */
  #serveOne(queues: Iterable<ModelQueue<Waiter>>): boolean {
    const nowMs = this.#options.clock.now();
    const moment = { nowMs, agedTurn: this.#turn % turnsBetweenAged === turnsBetweenAged - 1 };
    const held = new Set<ModelQueue<Waiter>>();
    for (;;) {
      const next = this.#nextOf(queues, moment, held);
      if (next === undefined) return false;
      const target = this.#choose(next.waiter.want);
      if (target !== undefined) {
        this.#admit(next, target, nowMs);
        return true;
      }
      held.add(next.queue);
      this.#secondLook.soon();
    }
  }

  /** Of those that could be given a slot now, the one whose turn it is. */
  #nextOf(
    queues: Iterable<ModelQueue<Waiter>>,
    moment: Moment,
    held: ReadonlySet<ModelQueue<Waiter>>,
  ): Next | undefined {
    const freeFor = this.#freeForMany();
    let next: Next | undefined;
    for (const queue of queues) {
      if (held.has(queue)) continue;
      const waiter = queue.line.first(moment, (one) => freeFor(one.want) !== undefined);
      const target = waiter === undefined ? undefined : freeFor(waiter.want);
      if (waiter === undefined || target === undefined) continue;
      const { want, party } = waiter;
      const head = { queue, waiter, target, party, candidates: want.candidates };
      if (next === undefined || this.#modelTurns.isBefore(head, next, moment)) next = head;
    }
    return next;
  }

  /** Most of those who wait for a model have the same candidates: looked at once. */
  #freeForMany(): (want: Want) => Target | undefined {
    let candidates: Want['candidates'] | undefined;
    let free: Target | undefined;
    return (want) => {
      if (want.visited.size > 0) return this.#openings.of(want)[0];
      if (want.candidates !== candidates) {
        candidates = want.candidates;
        free = this.#openings.of(want)[0];
      }
      return free;
    };
  }

  #admit({ waiter, party }: Next, target: Target, nowMs: number): void {
    const { upstream } = target;
    this.#turn += 1;
    if (this.#queues.at(upstream).size > 1) this.#modelTurns.charge({ waiter, target, party });
    this.#queues.charge(waiter, upstream);
    this.#drained.tell(waiter.want.model, nowMs);
    this.#leave(waiter);
    waiter.admit(this.#occupy(target));
  }

  #leave(waiter: Waiter): boolean {
    if (!this.#waiters.delete(waiter.want)) return false;
    waiter.timer?.cancel();
    this.#places.remove(waiter);
    this.#queues.remove(waiter);
    if (this.#waiters.size === 0) {
      this.#modelTurns.forget();
      this.#secondLook.cancel();
    }
    this.#tellWanted(waiter);
    return true;
  }

  /** It can wait no longer, or may not: a later tier may have a slot free. */
  #refuse(waiter: Waiter, failure: Failure): void {
    if (!this.#leave(waiter)) return;
    const elsewhere = this.#elsewhere(waiter.want);
    if (elsewhere === undefined) waiter.refuse(failure);
    else waiter.admit(elsewhere);
  }

  #elsewhere(want: Want): Occupied | undefined {
    const target = this.#openings.ofAnyTier(want);
    return target === undefined ? undefined : this.#occupy(target);
  }

  /** Why there is no place for it. Where somebody has more than their share of the places, their newest gives way. */
  #makeRoom(want: Want): Failure | undefined {
    const refusal = this.#refusalOf(want);
    if (refusal !== undefined) return refusal;
    const newcomer = { party: partyOf(want, this.#rules.fairness), bytes: want.bytes };
    for (const places of [this.#queues.of(want.model)?.places, this.#places]) {
      const room = places?.roomFor(newcomer) ?? [];
      if (typeof room === 'string') return this.#full(want, room);
      for (const waiter of room) {
        this.#refuse(
          waiter,
          this.#full(waiter.want, 'the queue is full, and who holds most of it gives way'),
        );
      }
    }
    return undefined;
  }

  #refusalOf({ candidates, visited }: Want): Failure | undefined {
    return this.#options.gate.refusal(candidates, visited);
  }

  #full(want: Want, message: string): Failure {
    return queueFull(message, this.#drainMs(want));
  }

  #tooLate(want: Want, waitMs: number): Failure {
    return queueTimeout(waitMs, this.#drainMs(want));
  }

  /** How long until all who wait now for the model have left its queue. */
  #drainMs({ model }: Want): number | undefined {
    return this.#expectedMs(model, this.waitingFor(model) + 1);
  }

  #expectedMs(model: string, count: number): number | undefined {
    return this.#drained.expectedMs(model, { count, nowMs: this.#options.clock.now() });
  }

  /** Begun later than this it would not be over by its deadline, even where it is served fastest. */
  #inTimeMs({ candidates, deadlineMs, tokens }: Want): number {
    if (deadlineMs === Number.POSITIVE_INFINITY) return deadlineMs;
    const { learnt } = this.#options;
    let leastMs = Number.POSITIVE_INFINITY;
    // It may be far shorter than what others usually ask for.
    for (const target of candidates) leastMs = Math.min(leastMs, learnt.serviceMs(target, tokens));
    return deadlineMs - (leastMs === Number.POSITIVE_INFINITY ? 0 : leastMs);
  }

  #tellWanted({ want }: Waiter): void {
    if (this.#options.shares === undefined) return;
    for (const { upstream } of want.candidates) this.#tellShares(upstream);
  }

  #tellShares(upstream: Upstream): void {
    this.#options.shares?.want(upstream, this.inFlight(upstream), this.#queues.waitingFor(upstream));
  }
}

/** The first of its queue. */
interface Next extends Head {
  readonly queue: ModelQueue<Waiter>;
  readonly waiter: Waiter;
}
