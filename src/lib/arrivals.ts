/**
 * Those who wait, in the order of coming: whoever leaves may stand anywhere. As a crowd it is a list and no Set or Map, whose
 * old tables keep alive whoever was in them (`crowd.ts`); what it holds of those who left is a number.
 */

/** `came` tells who came first, and so where to look for one: whoever is added came after all that are there. */
export interface Arrived {
  readonly came: number;
}

let arrivals = 0;

/** A number for whoever comes now, higher than all before. */
export function nextArrival(): number {
  arrivals += 1;
  return arrivals;
}

/** So many gaps are no reason yet to close up. */
const gapsMin = 32;

export class Arrivals<M extends Arrived> implements Iterable<M> {
  /** Gaps where somebody left. */
  readonly #members: (M | undefined)[] = [];
  /** Of members and gaps alike. */
  readonly #came: number[] = [];
  /** Where the first stands: before it are gaps alone. */
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): M | undefined {
    return this.#members[this.#head];
  }

  /** Whoever goes through them while some leave takes a copy. */
  *[Symbol.iterator](): Iterator<M> {
    for (const member of this.#members) if (member !== undefined) yield member;
  }

  add(member: M): void {
    this.#members.push(member);
    this.#came.push(member.came);
    this.#size += 1;
  }

  /** Who left; nothing where it was not there. */
  remove({ came }: Arrived): M | undefined {
    const at = this.#placeOf(came);
    const member = at === -1 ? undefined : this.#members[at];
    if (member === undefined) return undefined;
    this.#members[at] = undefined;
    this.#size -= 1;
    if (this.#size === 0) this.#clear();
    else if (this.#members.length - this.#size > this.#size + gapsMin) this.#closeUp();
    else while (this.#members[this.#head] === undefined) this.#head += 1;
    return member;
  }

  #placeOf(came: number): number {
    if (this.#came[this.#head] === came) return this.#head;
    let low = this.#head + 1;
    let high = this.#came.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const there = this.#came[middle] ?? 0;
      if (there === came) return middle;
      if (there < came) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  /** One by one, which keeps the room of a short list: most are empty every other moment. */
  #clear(): void {
    while (this.#members.length > 0) this.#members.pop();
    while (this.#came.length > 0) this.#came.pop();
    this.#head = 0;
  }

  #closeUp(): void {
    let to = 0;
    for (let from = this.#head; from < this.#members.length; from += 1) {
      const member = this.#members[from];
      if (member === undefined) continue;
      this.#members[to] = member;
      this.#came[to] = member.came;
      to += 1;
    }
    this.#members.length = to;
    this.#came.length = to;
    this.#head = 0;
  }
}
