/** Work of which only so much is done at once. Who would wait behind too many is refused. */
import { fail } from '../core/failure.ts';

export interface TurnBounds {
  readonly atOnceMax: number;
  readonly waitingMax: number;
}

export class TurnQueue {
  readonly #bounds: TurnBounds;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(bounds: TurnBounds) {
    this.#bounds = bounds;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#bounds.atOnceMax) await this.#wait();
    else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #wait(): Promise<void> {
    if (this.#waiting.length >= this.#bounds.waitingMax) {
      const message = 'too many unknown tokens are being asked about; try again';
      throw fail('dependency_unavailable', message, { retryAfterS: 1 });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
