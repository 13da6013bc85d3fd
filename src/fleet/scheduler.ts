/**
 * Gives slots to requests. Those that find none wait here, a queue for each model, and a freed slot looks at all queues
 * that it can serve: nobody is bound to a server before that server is free.
 */
import type { Target, Upstream } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Ending, Gate, Known, PartyTurns, SlotShares, Want } from '../core/fleet.ts';
import { Arrivals } from '../lib/arrivals.ts';
import type { Clock } from '../lib/clock.ts';
import { AtWork, type Occupied, Slot } from './at-work.ts';
import { type Charged, settle } from './charged.ts';
import type { CopyBounds } from './copy-bounds.ts';
import { inTimeUntilMs, likelyInTimeUntilMs } from './in-time.ts';
import { Keeping } from './keeping.ts';
import type { Learnt } from './learnt.ts';
import { type ModelQueue, type ModelQueueRules, ModelQueues } from './model-queues.ts';
import { ModelTurns } from './model-turns.ts';
import { Occupancy, type SlotsFrom } from './occupancy.ts';
import { Openings } from './openings.ts';
import { demandOf } from './party-demand.ts';
import type { PlaceBounds } from './places.ts';
import { QueuePlaces } from './queue-places.ts';
import type { QueueView } from './queue-view.ts';
import { SecondLook } from './second-look.ts';
import { Standings } from './standings.ts';
import { Waiter, type Waiting } from './waiter.ts';
import { type Next, WhoseTurn } from './whose-turn.ts';

export interface SchedulerOptions {
  readonly clock: Clock;
  readonly queue: QueueOptions;
  readonly gate: Gate;
  /** Present where replicas share the slots. */
  readonly shares?: SlotShares | undefined;
  readonly parties?: PartyTurns | undefined;
  /** Present where the operator may say how many servers hold a model. */
  readonly copies?: CopyBounds | undefined;
  /** What is learnt of targets by what happens with them. */
  readonly learnt: Learnt;
}

export interface QueueOptions extends PlaceBounds, ModelQueueRules {
  /** How long who waits for another model lets a server stay with the one it holds. */
  readonly stayMs: number;
}

export class Scheduler {
  /** What policies may ask. */
  readonly known: Known;
  /** Of those who wait here, and of those who gather to wait as one. */
  readonly places: QueuePlaces;
  readonly #options: SchedulerOptions;
  readonly #occupancy = new Occupancy();
  readonly #openings: Openings;
  readonly #occupied = new AtWork();
  readonly #waiters = new Arrivals<Waiter>();
  readonly #queues: ModelQueues<Waiter>;
  readonly #standings: Standings;
  readonly #modelTurns: ModelTurns;
  readonly #secondLook: SecondLook;
  readonly #keeping: Keeping;
  readonly #whoseTurn: WhoseTurn;
  #rules: QueueOptions;

  constructor(options: SchedulerOptions) {
    const { clock, learnt, gate, shares, copies, parties, queue } = options;
    this.#options = options;
    this.#rules = queue;
    const openings = new Openings({ occupancy: this.#occupancy, gate, shares, copies });
    const known: Known = {
      nowMs: () => clock.now(),
      inFlight: (upstream) => this.#occupancy.inFlight(upstream),
      slots: (upstream) => openings.slots(upstream),
      mayBeAsked: (target, want) => openings.mayBeAsked(target, want),
      serviceMs: (target) => learnt.serviceMs(target),
      loadMs: (target, nowMs) => learnt.loadMs(target, nowMs),
      isPlaced: (target) => learnt.isPlaced(target),
      gpuShare: (target) => learnt.gpuShare(target),
      price: (target) => learnt.price(target),
    };
    this.known = known;
    this.#openings = openings;
    this.places = new QueuePlaces(queue);
    this.#queues = new ModelQueues(queue, clock, parties);
    this.#standings = new Standings({ clock, queues: this.#queues, places: this.places });
    const secondLook = new SecondLook(clock, () => this.#serve([...this.#queues.all]));
    const keeping = new Keeping({ clock, openings, queues: this.#queues, secondLook });
    const modelTurns = new ModelTurns({ known, ...queue });
    this.#secondLook = secondLook;
    this.#keeping = keeping;
    this.#modelTurns = modelTurns;
    this.#whoseTurn = new WhoseTurn({ clock, known, openings, modelTurns, keeping, secondLook });
    gate.onChange(() => this.wake());
    shares?.onGrown(() => this.wake());
    shares?.learnFrom((identity) => this.#occupancy.learntOf(identity));
    parties?.countFrom(() => demandOf(this.#occupied.slots, this.#waiters, this.#rules.fairness));
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** How many wait for a model, by the name that clients see. */
  waitingFor(model: string): number {
    return this.#queues.waitingFor(model);
  }

  /** After a reload: bounds hold for those who come from now on, slots and rules for those who wait as well. */
  resize(rules: QueueOptions, upstreams: readonly Upstream[]): void {
    this.#rules = rules;
    this.places.follow(rules);
    this.#modelTurns.options = { known: this.known, ...rules };
    this.#modelTurns.keepOnly(upstreams);
    this.#occupancy.resize(upstreams);
    this.#queues.follow(rules, this.#waiters);
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
    return this.#openings.slotsFrom(upstream);
  }

  inFlight(upstream: Upstream): number {
    return this.#occupancy.inFlight(upstream);
  }

  /** What runs where at this moment, one entry a slot. */
  get occupied(): readonly Target[] {
    return this.#occupied.targets;
  }

  /** Who waits for what, for people. */
  get queues(): readonly QueueView[] {
    return this.#standings.view(this.#waiters);
  }

  /** A slot at once, or nothing. Where others wait for the model, whoever comes stands behind them. */
  take(want: Want): Occupied | undefined {
    if (this.#waiters.size > 0 && this.#queues.ofModel(want.model).size > 0) return undefined;
    const target = this.#whoseTurn.choose(want);
    if (target === undefined) return undefined;
    return this.#waiters.size === 0 ? this.#occupy(target, want) : this.#takeBeside(want, target);
  }

  /** Rejects when the queue is full, the wait too long, or the client gone; unless a later tier has a slot free. */
  wait(want: Want, waiting: Waiting): Promise<Occupied> {
    const { clock, learnt } = this.#options;
    const nowMs = clock.now();
    const waitMs = Math.min(waiting.queueMs, inTimeUntilMs(want, learnt) - nowMs);
    const refusal = waitMs <= 0 ? this.#standings.tooLate(want, 0) : this.#makeRoom(want);
    if (refusal !== undefined) {
      const elsewhere = this.#elsewhere(want);
      return elsewhere === undefined ? Promise.reject(refusal) : Promise.resolve(elsewhere);
    }
    return new Promise((resolve, reject) => {
      const party = this.places.partyOf(want);
      const times = { sinceMs: nowMs, untilMs: nowMs + waitMs };
      const likelyUntilMs = likelyInTimeUntilMs(want, times, learnt);
      const settle = { admit: resolve, refuse: reject, giveWay: this.#giveWay };
      const waiter = new Waiter({ want, party, ...times, likelyUntilMs, ...settle });
      waiter.timer = clock.after(waitMs, () => this.#refuse(waiter, this.#standings.tooLate(want, waitMs)));
      this.#waiters.add(waiter);
      this.places.add(waiter);
      const queue = this.#queues.add(waiter);
      this.#tellWanted(waiter);
      waiting.onWait?.(() => this.#standings.placeOf(waiter));
      waiting.onLeave(() => {
        if (this.#leave(waiter)) reject(fail('client_gone', 'the client left while waiting for a slot'));
      });
      // Those before it may wait for other servers than it could go to, or have given way to it.
      if (this.#openings.first(want) !== undefined) this.#serve([queue]);
    });
  }

  /** Looks again at everybody who waits: slots were added, or a server may be asked again, or may not any more. */
  wake(): void {
    if (this.#waiters.size === 0) return;
    const queues = [...this.#queues.all];
    this.#serve(queues);
    const refused = new Map(queues.map((queue) => [queue, this.#refusedIn(queue)] as const));
    if (refused.values().every((whose) => whose.length === 0)) return;
    for (const waiter of [...this.#waiters]) {
      const whose = waiter.queue === undefined ? undefined : refused.get(waiter.queue);
      const isAsked = whose === 'all' || whose?.includes(waiter.tenant) === true;
      const refusal = isAsked ? this.#refusalOf(waiter.want) : undefined;
      if (refusal !== undefined) this.#refuse(waiter, refusal);
    }
  }

  /** Those in one queue may be sent to the same servers: where one has to wait on all have, but whoever one is shut for alone. */
  #refusedIn({ line }: ModelQueue<Waiter>): 'all' | readonly string[] {
    const first = line.first({ nowMs: this.#options.clock.now(), agedTurn: false });
    if (first === undefined) return [];
    return this.#refusalOf(first.want) === undefined ? this.#openings.shutFor(first.want) : 'all';
  }

  /** `charged`: who waited for it, and what that is to be put right of. */
  #occupy(target: Target, want: Want, charged?: Charged): Occupied {
    const { gate, learnt, clock } = this.#options;
    this.#occupancy.began(target);
    gate.began(target);
    if (target.upstream.loadsModels) this.#modelTurns.began(target, clock.now());
    const cold = learnt.began(target);
    const slot = new Slot({ target, of: want, cold, charged, giveBack: this.#giveBack });
    this.#occupied.add(slot);
    this.#openings.tell(target, this.#queues);
    return slot;
  }

  readonly #giveBack = (slot: Slot, ending: Ending): void => {
    if (!this.#occupied.delete(slot)) return;
    const { gate, learnt, shares } = this.#options;
    const { target, charged } = slot;
    slot.charged = undefined;
    this.#occupancy.ended(target, ending, shares?.others(target.upstream) ?? 0);
    // First what is learnt of it, then who comes next: it may be nobody.
    learnt.ended(target, ending);
    gate.ended(target, ending, this.#occupied);
    settle(charged, ending);
    this.#freed(target);
  };

  /** A slot that is free while others wait may be kept for some of them. */
  #takeBeside(want: Want, target: Target): Occupied | undefined {
    if (this.#keeping.isKept(target, want)) return undefined;
    return this.#occupy(target, want, { of: want, charges: this.#queues.count(want, target.upstream) });
  }

  #freed(target: Target): void {
    const { upstream } = target;
    if (this.#waiters.size > 0) {
      // A server that is to hold several at once may be free for several.
      while (this.#openings.hasRoom(upstream) && this.#serveOne(this.#queues.at(upstream)));
    }
    this.#openings.tell(target, this.#queues);
  }

  #serve(queues: Iterable<ModelQueue<Waiter>>): void {
    while (this.#serveOne(queues));
  }

  /** Gives one of those who wait the slot that there is for it. */
  #serveOne(queues: Iterable<ModelQueue<Waiter>>): boolean {
    const next = this.#whoseTurn.next(queues);
    if (next === undefined) return false;
    this.#admit(next);
    return true;
  }

  #admit(next: Next): void {
    const { waiter, target } = next;
    this.#whoseTurn.given(next);
    const charges = this.#queues.charge(waiter, target.upstream);
    this.#standings.moved(waiter.model, next.nowMs);
    this.#leave(waiter);
    waiter.admit(this.#occupy(target, waiter.want, { of: waiter, charges }));
  }

  #leave(waiter: Waiter): boolean {
    if (this.#waiters.remove(waiter) === undefined) return false;
    waiter.timer?.cancel();
    this.places.remove(waiter);
    this.#queues.remove(waiter);
    if (this.#waiters.size === 0) this.#secondLook.cancel();
    this.#tellWanted(waiter);
    return true;
  }

  /** This gateway stops: nobody who waits is given a slot any more. */
  refuseAll(failure: Failure): void {
    for (const waiter of [...this.#waiters]) if (this.#leave(waiter)) waiter.refuse(failure);
  }

  /** It can wait no longer, or may not: a later tier may have a slot free. */
  #refuse(waiter: Waiter, failure: Failure): void {
    if (!this.#leave(waiter)) return;
    const elsewhere = this.#elsewhere(waiter.want);
    if (elsewhere === undefined) waiter.refuse(failure);
    else waiter.admit(elsewhere);
  }

  #elsewhere(want: Want): Occupied | undefined {
    for (const target of this.#openings.ofAnyTier(want)) {
      const slot = this.#takeBeside(want, target);
      if (slot !== undefined) return slot;
    }
    return undefined;
  }

  /** Why there is no place for it. Where somebody has more than their share of the places, their newest gives way. */
  #makeRoom(want: Want): Failure | undefined {
    const refusal = this.#refusalOf(want);
    if (refusal !== undefined) return refusal;
    const full = this.places.refusalFor(want);
    return full === undefined ? undefined : this.#standings.full(want, full);
  }

  readonly #giveWay = (waiter: Waiter): void => {
    const message = 'the queue is full, and who holds most of it gives way';
    this.#refuse(waiter, this.#standings.full(waiter.want, message));
  };

  #refusalOf(want: Want): Failure | undefined {
    return this.#options.gate.refusal(want);
  }

  #tellWanted({ want }: Waiter): void {
    if (this.#options.shares === undefined) return;
    for (const target of want.candidates) this.#openings.tell(target, this.#queues);
  }
}
