/** Who waits, in an order: one after the other, the shortest first, in fair turns, by priority. They stand in each other. */
import { Arrivals, type Arrived } from '../lib/arrivals.ts';
import type { Entry } from '../lib/heap.ts';

/** What an order may go by. As an entry it stands among those that may be late. */
export interface Standing extends Arrived, Entry {
  readonly tenant: string;
  readonly key: string;
  readonly tokens: number;
  readonly priority: number;
  readonly sinceMs: number;
  /** When it can wait no longer. */
  readonly untilMs: number;
  /** Begun later than this it may well not be done by its deadline. */
  readonly likelyUntilMs: number;
}

/** Who asks, and for how much. */
export type Asking = Pick<Standing, 'tenant' | 'key' | 'tokens' | 'priority'>;

/** The moment at which somebody is asked for. */
export interface Moment {
  readonly nowMs: number;
  /** Whether it is the turn of those who have waited longer than priorities may hold them up. */
  readonly agedTurn: boolean;
}

/** What somebody was charged for a slot, as expected. */
export interface Charge {
  /** The slot is given back, and it came to so many tokens. */
  settle(tokens: number): void;
}

export interface Line<W extends Standing> {
  readonly size: number;
  add(one: W): void;
  remove(one: W): void;
  /** Whose turn it is: somebody, if anybody waits. */
  first(moment: Moment): W | undefined;
  /** Whose turn it would be without the requests of those tenants. Looks at many: for when something has failed. */
  firstBut(tenants: ReadonlySet<string>, moment: Moment): W | undefined;
  /** How many will most likely go before. */
  ahead(one: W): number;
  /** Where it is shared: it was given a slot for which any of them could have been taken. Adds what is to be put right. */
  charge?(one: Asking, charges: Charge[]): void;
  /** Where it is shared: slots were kept from its party, in which so many requests could have been served. */
  chargeIdle?(one: Asking, requests: number): void;
  /** Where it is shared: how much more than an even share its party was given; 0 for whoever was given less. */
  over?(one: Asking): number;
}

/** One that others stand in, who go by age as well. */
export interface InnerLine<W extends Standing> extends Line<W> {
  /** Who came first of them, whoever's turn it is. */
  readonly oldest: W | undefined;
}

/** In the order of coming. */
export class ArrivalLine<W extends Standing> implements InnerLine<W> {
  readonly #all = new Arrivals<W>();

  get size(): number {
    return this.#all.size;
  }

  get oldest(): W | undefined {
    return this.#all.first;
  }

  add(one: W): void {
    this.#all.add(one);
  }

  remove(one: W): void {
    this.#all.remove(one);
  }

  first(): W | undefined {
    return this.#all.first;
  }

  firstBut(tenants: ReadonlySet<string>): W | undefined {
    for (const one of this.#all) if (!tenants.has(one.tenant)) return one;
    return undefined;
  }

  ahead(one: W): number {
    let ahead = 0;
    for (const other of this.#all) {
      if (other === one) break;
      ahead += 1;
    }
    return ahead;
  }
}
