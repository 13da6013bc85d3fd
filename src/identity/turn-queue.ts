/** Work of which only so much is done at once. Who would wait behind too many, or for too long, is refused. */
import { fail } from '../core/failure.ts';
import type { Clock } from '../lib/clock.ts';

export interface TurnBounds {
  readonly clock: Clock;
  readonly atOnceMax: number;
  readonly waitingMax: number;
  readonly waitMaxMs: number;
}

export class TurnQueue {
  readonly #bounds: TurnBounds;
  /** In the order they came. */
  readonly #waiting = new Set<() => void>();
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
      const [next] = this.#waiting;
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #wait(): Promise<void> {
    const { clock, waitingMax, waitMaxMs } = this.#bounds;
    if (this.#waiting.size >= waitingMax) throw tooMany();
    return new Promise((resolve, reject) => {
      const begin = () => {
        this.#waiting.delete(begin);
        timer.cancel();
        resolve();
      };
      const timer = clock.after(waitMaxMs, () => {
        this.#waiting.delete(begin);
        reject(tooMany());
      });
      this.#waiting.add(begin);
    });
  }
}

function tooMany() {
  const message = 'too many unknown tokens are being asked about; try again';
  return fail('dependency_unavailable', message, { retryAfterS: 1 });
}
