/**
 * Who is likely to be done by its deadline goes before who may not be: what is cut off there was work for nothing. Of the latter
 * whoever has most time left goes first, where nobody of the former waits.
 */
import { Heap } from '../lib/heap.ts';
import type { InnerLine, Moment, Standing } from './line.ts';

export class InTimeLine<W extends Standing> implements InnerLine<W> {
  readonly #likely: InnerLine<W>;
  readonly #late = new Heap<W>();

  constructor(likely: InnerLine<W>) {
    this.#likely = likely;
  }

  get size(): number {
    return this.#likely.size + this.#late.entries.length;
  }

  get oldest(): W | undefined {
    return this.#likely.oldest ?? this.#late.first;
  }

  /** Whoever was late before a reload is found to be so again. */
  add(one: W): void {
    one.at = -1;
    this.#likely.add(one);
  }

  remove(one: W): void {
    if (one.at === -1) this.#likely.remove(one);
    else this.#late.remove(one);
  }

  /** Who is late is noticed when its turn has come. */
  first(moment: Moment): W | undefined {
    let one = this.#likely.first(moment);
    while (one !== undefined && this.#isLate(one, moment)) one = this.#likely.first(moment);
    return one ?? this.#late.first;
  }

  firstBut(tenants: ReadonlySet<string>, moment: Moment): W | undefined {
    let one = this.#likely.firstBut(tenants, moment);
    while (one !== undefined && this.#isLate(one, moment)) one = this.#likely.firstBut(tenants, moment);
    if (one !== undefined) return one;
    for (const late of this.#late.entries) {
      if (!tenants.has(late.tenant) && (one === undefined || late.rank < one.rank)) one = late;
    }
    return one;
  }

  ahead(one: W): number {
    if (one.at === -1) return this.#likely.ahead(one);
    return this.#likely.size + this.#late.entries.filter(({ rank }) => rank < one.rank).length;
  }

  /** Then it stands with the others who are. */
  #isLate(one: W, { nowMs }: Moment): boolean {
    if (nowMs <= one.likelyUntilMs) return false;
    this.#likely.remove(one);
    one.rank = -one.likelyUntilMs;
    this.#late.add(one);
    return true;
  }
}
