/** The shortest first, until somebody has waited too long: then whoever has waited longest. */
import { type Entry, Heap } from '../lib/heap.ts';
import type { Line, Moment, Standing } from './line.ts';

interface Expected<W> extends Entry {
  readonly one: W;
}

export class ShortestLine<W extends Standing> implements Line<W> {
  readonly #agingMs: number;
  /** In the order of coming. */
  readonly #all = new Map<W, Expected<W>>();
  readonly #byLength = new Heap<Expected<W>>();

  constructor(agingMs: number) {
    this.#agingMs = agingMs;
  }

  get size(): number {
    return this.#all.size;
  }

  add(one: W): void {
    const expected = { one, rank: one.tokens, at: -1 };
    this.#all.set(one, expected);
    this.#byLength.add(expected);
  }

  remove(one: W): void {
    const expected = this.#all.get(one);
    if (expected === undefined) return;
    this.#all.delete(one);
    this.#byLength.remove(expected);
  }

  first({ nowMs }: Moment): W | undefined {
    const [oldest] = this.#all.keys();
    if (oldest !== undefined && nowMs - oldest.sinceMs >= this.#agingMs) return oldest;
    return this.#byLength.first?.one;
  }

  ahead(one: W): number {
    let ahead = 0;
    for (const other of this.#all.keys()) if (other.tokens < one.tokens) ahead += 1;
    return ahead;
  }
}
