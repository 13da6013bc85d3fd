/** One queue a model, as long as somebody waits in it, and which of them a server could serve. */
import type { Upstream } from '../core/exchange.ts';
import type { Want } from '../core/fleet.ts';
import { createFairQueue, type QueueRules } from './fair-queue.ts';
import type { Line, Standing } from './line.ts';
import { type PlaceBounds, Places } from './places.ts';

interface Queued extends Standing {
  readonly party: string;
  readonly bytes: number;
  readonly want: Want;
}

export interface ModelQueue<W extends Queued> {
  readonly model: string;
  readonly line: Line<W>;
  /** How many may wait in it. */
  readonly places: Places<W>;
  /** Identities of the servers that its requests could be sent to. */
  readonly servers: Set<string>;
  /** Most requests for a model have the same candidates: looked at once. */
  seen: Want['candidates'] | undefined;
}

export class ModelQueues<W extends Queued> {
  readonly #rules: QueueRules & PlaceBounds;
  readonly #queues = new Map<string, ModelQueue<W>>();
  readonly #byServer = new Map<string, Set<ModelQueue<W>>>();

  constructor(rules: QueueRules & PlaceBounds) {
    this.#rules = rules;
  }

  get all(): Iterable<ModelQueue<W>> {
    return this.#queues.values();
  }

  of(model: string): ModelQueue<W> | undefined {
    return this.#queues.get(model);
  }

  at({ identity }: Upstream): ReadonlySet<ModelQueue<W>> {
    return this.#byServer.get(identity) ?? none;
  }

  /** How many wait that could be sent there. */
  waitingFor(upstream: Upstream): number {
    let waiting = 0;
    for (const { line } of this.at(upstream)) waiting += line.size;
    return waiting;
  }

  add(one: W): ModelQueue<W> {
    const { model, candidates } = one.want;
    const queue = this.#queues.get(model) ?? this.#open(model);
    queue.line.add(one);
    queue.places.add(one);
    if (queue.seen === candidates) return queue;
    queue.seen = candidates;
    for (const { upstream } of candidates) this.#reach(queue, upstream.identity);
    return queue;
  }

  remove(one: W): void {
    const queue = this.#queues.get(one.want.model);
    if (queue === undefined) return;
    queue.line.remove(one);
    queue.places.remove(one);
    if (queue.line.size > 0) return;
    this.#queues.delete(queue.model);
    for (const identity of queue.servers) {
      const reached = this.#byServer.get(identity);
      reached?.delete(queue);
      if (reached?.size === 0) this.#byServer.delete(identity);
    }
  }

  /** Somebody is given a slot there: wherever it could have gone to others, it counts against who had it. */
  charge(one: W, upstream: Upstream): void {
    for (const { line } of this.at(upstream)) line.charge(one);
  }

  #open(model: string): ModelQueue<W> {
    const { placesPerModel, places, bytes } = this.#rules;
    const queue = {
      model,
      line: createFairQueue<W>(this.#rules),
      places: new Places<W>({ places: placesPerModel ?? places, bytes }),
      servers: new Set<string>(),
      seen: undefined,
    };
    this.#queues.set(model, queue);
    return queue;
  }

  #reach(queue: ModelQueue<W>, identity: string): void {
    queue.servers.add(identity);
    const reached = this.#byServer.get(identity);
    if (reached === undefined) this.#byServer.set(identity, new Set([queue]));
    else reached.add(queue);
  }
}

const none: ReadonlySet<never> = new Set();
