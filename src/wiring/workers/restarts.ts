/** When a worker that ended is started again: at once, then later and later, and at some point never. */

/** Whoever served for so long was well: what ends it is something new. */
const steadyMs = 30_000;
const pauseMs = { first: 100, most: 10_000 };
/** One after the other, of one worker. What ends so often at once will not mend itself. */
export const restartsMax = 8;

export class Restarts {
  #inARow = 0;
  /** All there were. */
  count = 0;

  /** How long to wait before the next start; nothing where there is to be none. */
  after(servedMs: number): number | undefined {
    if (servedMs >= steadyMs) this.#inARow = 0;
    this.#inARow += 1;
    if (this.#inARow > restartsMax) return undefined;
    this.count += 1;
    return this.#inARow === 1 ? 0 : Math.min(pauseMs.first * 2 ** (this.#inARow - 2), pauseMs.most);
  }
}
