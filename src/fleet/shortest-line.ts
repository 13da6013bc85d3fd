/** The shortest first, until somebody has waited too long: then whoever has waited longest. */
import { Arrivals, type Arrived } from '../lib/arrivals.ts';
import { type Entry, Heap } from '../lib/heap.ts';
import type { InnerLine, Moment, Standing } from './line.ts';

interface Expected<W> extends Entry, Arrived {
  readonly one: W;
}

export class ShortestLine<W extends Standing> implements InnerLine<W> {
  readonly #agingMs: number;
  readonly #all = new Arrivals<Expected<W>>();
  readonly #byLength = new Heap<Expected<W>>();

  constructor(agingMs: number) {
    this.#agingMs = agingMs;
  }

  get size(): number {
    return this.#all.size;
  }

  get oldest(): W | undefined {
    return this.#all.first?.one;
  }

  add(one: W): void {
    const expected = { one, came: one.came, rank: one.tokens, at: -1 };
    this.#all.add(expected);
    this.#byLength.add(expected);
  }

  remove(one: W): void {
    const expected = this.#all.remove(one);
    if (expected !== undefined) this.#byLength.remove(expected);
  }

  first({ nowMs }: Moment): W | undefined {
    const { oldest } = this;
    if (oldest !== undefined && nowMs - oldest.sinceMs >= this.#agingMs) return oldest;
    return this.#byLength.first?.one;
  }

  firstBut(tenants: ReadonlySet<string>, { nowMs }: Moment): W | undefined {
    let shortest: W | undefined;
    for (const { one } of this.#all) {
      if (tenants.has(one.tenant)) continue;
      if (nowMs - one.sinceMs >= this.#agingMs) return one;
      if (shortest === undefined || one.tokens < shortest.tokens) shortest = one;
    }
    return shortest;
  }

  ahead(one: W): number {
    let ahead = 0;
    for (const other of this.#all) if (other.one.tokens < one.tokens) ahead += 1;
    return ahead;
  }
}
