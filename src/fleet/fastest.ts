/** The least of what was seen lately: it is forgotten when so many others have come, so that what is fast no more is not hoped for. */

/** The least is that of so many at least, and of twice as many at most. */
const countedMin = 64;

export class Fastest {
  #before = Number.POSITIVE_INFINITY;
  #now = Number.POSITIVE_INFINITY;
  #count = 0;

  /** Infinity where nothing was seen. */
  get ms(): number {
    return Math.min(this.#before, this.#now);
  }

  tell(ms: number): void {
    if (this.#count === countedMin) {
      this.#before = this.#now;
      this.#now = Number.POSITIVE_INFINITY;
      this.#count = 0;
    }
    this.#now = Math.min(this.#now, ms);
    this.#count += 1;
  }
}
