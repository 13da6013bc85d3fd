/** Whoever ranks least is first. An entry's rank may change while it is in; entries know where they are. */
export interface Entry {
  rank: number;
  /** Where it is in the heap; -1 while it is in none. The heap's own. */
  at: number;
}

export class Heap<E extends Entry> {
  readonly #entries: E[] = [];

  /** In no order. */
  get entries(): readonly E[] {
    return this.#entries;
  }

  get first(): E | undefined {
    return this.#entries[0];
  }

  add(entry: E): void {
    entry.at = this.#entries.push(entry) - 1;
    this.#rise(entry);
  }

  remove(entry: E): void {
    const last = this.#entries.pop();
    if (last !== undefined && last !== entry) {
      this.#put(last, entry.at);
      this.moved(last);
    }
    entry.at = -1;
  }

  /** To be told when an entry's rank has changed. */
  moved(entry: E): void {
    this.#rise(entry);
    this.#sink(entry);
  }

  #rise(entry: E): void {
    for (;;) {
      const above = entry.at > 0 ? this.#entries[(entry.at - 1) >> 1] : undefined;
      if (above === undefined || above.rank <= entry.rank) return;
      this.#swap(above, entry);
    }
  }

  #sink(entry: E): void {
    for (;;) {
      const left = this.#entries[2 * entry.at + 1];
      const right = this.#entries[2 * entry.at + 2];
      const below = right !== undefined && left !== undefined && right.rank < left.rank ? right : left;
      if (below === undefined || entry.rank <= below.rank) return;
      this.#swap(entry, below);
    }
  }

  #swap(above: E, below: E): void {
    const { at } = above;
    this.#put(above, below.at);
    this.#put(below, at);
  }

  #put(entry: E, at: number): void {
    this.#entries[at] = entry;
    entry.at = at;
  }
}
