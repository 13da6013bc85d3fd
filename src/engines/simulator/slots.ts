/** So many at once, the others in the order in which they came, and no more of those than there are places. */
export class Slots {
  readonly #slots: number;
  readonly #places: number;
  readonly #running = new Set<object>();
  /** A map, because those who give up leave from the middle. */
  readonly #waiting = new Map<object, () => void>();

  constructor(slots: number, places: number) {
    this.#slots = slots;
    this.#places = places;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Calls `begin` when a slot is free for `owner`. False when every place in the queue is taken too. */
  enter(owner: object, begin: () => void): boolean {
    if (this.#running.size < this.#slots) {
      this.#running.add(owner);
      begin();
      return true;
    }
    if (this.#waiting.size >= this.#places) return false;
    this.#waiting.set(owner, begin);
    return true;
  }

  /** For an owner that runs, waits, or never entered; whether it ran. */
  leave(owner: object): boolean {
    this.#waiting.delete(owner);
    if (!this.#running.delete(owner)) return false;
    const [next] = this.#waiting;
    if (next === undefined) return true;
    this.#waiting.delete(next[0]);
    this.#running.add(next[0]);
    next[1]();
    return true;
  }
}
