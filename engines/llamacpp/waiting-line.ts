/** Lends a fixed set of things, first come first served, to a bounded line of those who wait. */
import { RequestError } from './request-error.ts';

export interface WaitingLine<T> {
  readonly things: readonly T[];
  readonly total: number;
  readonly free: number;
  readonly waiting: number;
  /** Lends the free thing that `score` likes best, and of several the first; waits in line while there is none. */
  borrow(signal: AbortSignal, score: (thing: T) => number): Promise<T>;
  giveBack(thing: T): void;
}

interface Waiter<T> {
  readonly resolve: (thing: T) => void;
}

export function createWaitingLine<T>(things: readonly T[], placesMax: number): WaitingLine<T> {
  const free = new Set(things);
  const waiters = new Set<Waiter<T>>();

  function wait(signal: AbortSignal): Promise<T> {
    if (waiters.size >= placesMax) {
      throw new RequestError(`all ${placesMax} places in the queue are taken`, { code: 'queue_full' });
    }
    return new Promise<T>((resolve, reject) => {
      const leave = (): void => {
        waiters.delete(waiter);
        reject(signal.reason);
      };
      const waiter: Waiter<T> = {
        resolve: (thing) => {
          signal.removeEventListener('abort', leave);
          resolve(thing);
        },
      };
      waiters.add(waiter);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  return {
    things,
    total: things.length,
    get free() {
      return free.size;
    },
    get waiting() {
      return waiters.size;
    },
    async borrow(signal, score) {
      signal.throwIfAborted();
      const best = bestOf(
        things.filter((thing) => free.has(thing)),
        score,
      );
      if (best === undefined) return wait(signal);
      free.delete(best.thing);
      return best.thing;
    },
    giveBack(thing) {
      const [next] = waiters;
      if (next === undefined) {
        free.add(thing);
        return;
      }
      waiters.delete(next);
      next.resolve(thing);
    },
  };
}

function bestOf<T>(things: Iterable<T>, score: (thing: T) => number): { thing: T } | undefined {
  let best: { thing: T; score: number } | undefined;
  for (const thing of things) {
    const own = score(thing);
    if (best === undefined || own > best.score) best = { thing, score: own };
  }
  return best;
}
