/** Who waits, in an order: one after the other, the shortest first, in fair turns, by priority. They stand in each other. */

/** What an order may go by. */
export interface Standing {
  readonly tenant: string;
  readonly key: string;
  readonly tokens: number;
  readonly priority: number;
  readonly sinceMs: number;
  /** When it can wait no longer. */
  readonly untilMs: number;
}

/** The moment at which somebody is asked for. */
export interface Moment {
  readonly nowMs: number;
  /** Whether it is the turn of those who have waited longer than priorities may hold them up. */
  readonly agedTurn: boolean;
}

export interface Line<W extends Standing> {
  readonly size: number;
  add(one: W): void;
  remove(one: W): void;
  /** Whose turn it is: somebody, if anybody waits. */
  first(moment: Moment): W | undefined;
  /** How many will most likely go before. */
  ahead(one: W): number;
  /** Where it is shared: it was given a slot for which any of them could have been taken. */
  charge?(one: W): void;
  /** Where it is shared: it has given its slot back, and came to so many tokens. */
  settle?(one: W, tokens: number): void;
  /** Where it is shared: how much more than an even share its party was given; 0 for whoever was given less. */
  over?(one: W): number;
}

/** In the order of coming. */
export class ArrivalLine<W extends Standing> implements Line<W> {
  readonly #all = new Set<W>();

  get size(): number {
    return this.#all.size;
  }

  add(one: W): void {
    this.#all.add(one);
  }

  remove(one: W): void {
    this.#all.delete(one);
  }

  first(): W | undefined {
    const [oldest] = this.#all;
    return oldest;
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
