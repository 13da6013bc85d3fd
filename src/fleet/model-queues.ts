/**
 * Who waits for what, and which of them a server could serve. In one queue are those who want the same model of the same
 * targets: where one of them may not use a free slot none of them may, and nobody looks at the others.
 */
import type { Upstream } from '../core/exchange.ts';
import type { Leased, PartyTurns, Want } from '../core/fleet.ts';
import type { Clock } from '../lib/clock.ts';
import { createFairQueue, type QueueRules } from './fair-queue.ts';
import { KeptSlots } from './kept-slots.ts';
import { leasedModel } from './leased-model.ts';
import type { Asking, Charge, Line, Standing } from './line.ts';
import { WaitingParties } from './waiting-parties.ts';

interface Queued<W extends Queued<W>> extends Standing {
  readonly want: Want;
  /** Where it waits. */
  queue: ModelQueue<W> | undefined;
  /** Where it is counted among those for whom slots are kept. */
  countedBy: KeptSlots | undefined;
}

export interface ModelQueue<W extends Queued<W>> {
  readonly name: string;
  readonly model: string;
  readonly line: Line<W>;
  /** Identities of the servers that its requests could be sent to. */
  readonly servers: ReadonlySet<string>;
  /** The same servers, and who else waits for each. */
  readonly crowds: readonly Crowd<W>[];
  /** Of those servers; one for all queues that have the same. */
  readonly kept: KeptSlots;
  /** When somebody who waited in it was given a slot last. */
  movedMs: number;
}

type Queues<W extends Queued<W>> = Set<ModelQueue<W>>;

/** Who waits for one server. */
interface Crowd<W extends Queued<W>> {
  readonly identity: string;
  readonly queues: Queues<W>;
  /** How many, in all of the queues: told to other replicas at each change. */
  waiting: number;
}

export interface ModelQueueRules extends QueueRules {
  /** How much of the slots' time may be left idle so that who floods nothing finds one free. */
  readonly idleShareMax: number;
}

export class ModelQueues<W extends Queued<W>> {
  #rules: ModelQueueRules;
  readonly #clock: Clock;
  /** Present where replicas share the slots. */
  readonly #parties: PartyTurns | undefined;
  readonly #queues = new Map<string, ModelQueue<W>>();
  readonly #byModel = new Map<string, Queues<W>>();
  readonly #byServer = new Map<string, Crowd<W>>();

  constructor(rules: ModelQueueRules, clock: Clock, parties?: PartyTurns) {
    this.#rules = rules;
    this.#clock = clock;
    this.#parties = parties;
  }

  get all(): Iterable<ModelQueue<W>> {
    return this.#queues.values();
  }

  get models(): Iterable<string> {
    return this.#byModel.keys();
  }

  ofModel(model: string): ReadonlySet<ModelQueue<W>> {
    return this.#byModel.get(model) ?? none;
  }

  at({ identity }: Leased): ReadonlySet<ModelQueue<W>> {
    return this.#byServer.get(identity)?.queues ?? none;
  }

  /** How many wait that could be sent there. */
  waitingAt({ identity }: Leased): number {
    return this.#byServer.get(identity)?.waiting ?? 0;
  }

  waitingFor(model: string): number {
    let waiting = 0;
    for (const { line } of this.ofModel(model)) waiting += line.size;
    return waiting;
  }

  /** After a reload: those who wait stand in the order that the new rules make of them. */
  follow(rules: ModelQueueRules, waiting: Iterable<W>): void {
    this.#rules = rules;
    for (const known of [this.#queues, this.#byModel, this.#byServer]) known.clear();
    for (const one of waiting) this.add(one);
  }

  /** How many will most likely go before it; nothing where it does not wait. */
  ahead(one: W): number | undefined {
    const own = one.queue;
    if (own === undefined) return undefined;
    const ahead = own.line.ahead(one);
    let others = 0;
    for (const queue of this.ofModel(own.model)) {
      if (queue !== own) others += Math.min(queue.line.size, ahead);
    }
    return ahead + others;
  }

  add(one: W): ModelQueue<W> {
    const name = nameOf(one.want);
    const queue = this.#queues.get(name) ?? this.#open(name, one.want);
    queue.line.add(one);
    queue.kept.parties.add(one);
    for (const crowd of queue.crowds) crowd.waiting += 1;
    one.queue = queue;
    one.countedBy = this.#isExpected(queue.kept, one) ? queue.kept : undefined;
    one.countedBy?.came();
    return queue;
  }

  remove(one: W): void {
    const { queue } = one;
    if (queue === undefined) return;
    one.queue = undefined;
    one.countedBy?.left();
    one.countedBy = undefined;
    queue.line.remove(one);
    queue.kept.parties.remove(one);
    for (const crowd of queue.crowds) crowd.waiting -= 1;
    if (queue.line.size === 0) this.#close(queue);
  }

  /**
   * Somebody is given a slot there: wherever it could have gone to others, it counts against who had it. To be put right
   * when it is given back.
   */
  charge(one: W, upstream: Upstream): readonly Charge[] {
    const charges: Charge[] = [];
    if (one.countedBy !== undefined) {
      one.countedBy.began();
      charges.push(one.countedBy);
      this.#countElsewhere(upstream, charges);
    }
    one.countedBy = undefined;
    for (const { line } of this.at(upstream)) line.charge?.(one, charges);
    return charges;
  }

  /** Somebody is given a slot there without having waited, beside others who do. */
  count(one: Asking, upstream: Upstream): readonly Charge[] {
    const charges: Charge[] = [];
    for (const { kept } of this.at(upstream)) if (!this.#isExpected(kept, one)) return charges;
    this.#countElsewhere(upstream, charges);
    return charges;
  }

  #countElsewhere(upstream: Upstream, charges: Charge[]): void {
    for (const { kept } of this.at(upstream)) {
      if (charges.includes(kept)) continue;
      kept.came();
      kept.began();
      charges.push(kept);
    }
  }

  /** Slots are kept for whoever does not flood. */
  #isExpected(kept: KeptSlots, one: Asking): boolean {
    const { idleShareMax, fairness } = this.#rules;
    return idleShareMax > 0 && fairness !== 'none' && !kept.parties.floods(one, kept.slots);
  }

  #keptOf(servers: ReadonlySet<string>): KeptSlots | undefined {
    const [first] = servers;
    if (first === undefined) return undefined;
    for (const queue of this.at({ identity: first })) {
      if (queue.servers.size === servers.size && servers.isSubsetOf(queue.servers)) return queue.kept;
    }
    return undefined;
  }

  #open(name: string, { model, candidates, visited }: Want): ModelQueue<W> {
    const may = candidates.filter(({ upstream }) => !visited.has(upstream.name));
    const servers = new Set(
      may
        .flatMap((target) => [target.upstream, leasedModel(target) ?? target.upstream])
        .map(({ identity }) => identity),
    );
    const line = createFairQueue<W>(this.#rules, this.#parties?.at(servers));
    const kept = this.#keptOf(servers) ?? this.#keep();
    const crowds = Array.from(servers, (identity) => this.#crowdAt(identity));
    const queue = { name, model, line, servers, crowds, kept, movedMs: Number.NEGATIVE_INFINITY };
    this.#queues.set(name, queue);
    for (const { queues } of crowds) queues.add(queue);
    const ofModel = this.#byModel.get(model);
    if (ofModel === undefined) this.#byModel.set(model, new Set([queue]));
    else ofModel.add(queue);
    return queue;
  }

  #keep(): KeptSlots {
    const { idleShareMax, fairness } = this.#rules;
    return new KeptSlots({ clock: this.#clock, idleShareMax, parties: new WaitingParties(fairness) });
  }

  #crowdAt(identity: string): Crowd<W> {
    const known = this.#byServer.get(identity);
    if (known !== undefined) return known;
    const crowd: Crowd<W> = { identity, queues: new Set(), waiting: 0 };
    this.#byServer.set(identity, crowd);
    return crowd;
  }

  #close(queue: ModelQueue<W>): void {
    this.#queues.delete(queue.name);
    const ofModel = this.#byModel.get(queue.model);
    ofModel?.delete(queue);
    if (ofModel?.size === 0) this.#byModel.delete(queue.model);
    for (const { identity, queues } of queue.crowds) {
      queues.delete(queue);
      if (queues.size === 0) this.#byServer.delete(identity);
    }
  }
}

const none: ReadonlySet<never> = new Set();
/** Most requests for a model have the same candidates. */
const namesOfAll = new WeakMap<Want['candidates'], string>();

/** Of what it could be sent to. Who has failed it is among what it wanted, and may be asked no more. */
function nameOf({ model, candidates, visited }: Want): string {
  const all = namesOfAll.get(candidates) ?? candidates.map(nameOfTarget).join('\u0000');
  namesOfAll.set(candidates, all);
  const name = `${model}\u0000${all}`;
  return visited.size === 0 ? name : [name, ...[...visited].sort()].join('\u0000');
}

function nameOfTarget({ upstream, model, tier }: Want['candidates'][number]): string {
  return `${upstream.identity}\u0000${model}\u0000${tier}`;
}
