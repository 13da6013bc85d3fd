/**
 * Finished exchanges are accounted for at the end of the turn, together: the code and the tables that it takes are then
 * fetched once for all of them, which in a busy process is a third of what accounting costs. No answer waits for it.
 */
import type { Trail } from '../core/trail.ts';

export type Observer = (trail: Trail) => void;

export interface Accounts {
  keep(trail: Trail): void;
  /** For what must not wait for the end of the turn: the end of the process. */
  flush(): void;
}

/** So many are not kept waiting. */
const waitingMax = 256;

/** Observers are called in order. They never wait, and one that throws hurts itself alone (P6). */
export function createAccounts(observers: readonly Observer[]): Accounts {
  let waiting: Trail[] = [];
  const flush = () => {
    const trails = waiting;
    waiting = [];
    for (const trail of trails) {
      for (const observer of observers) tell(observer, trail);
    }
  };
  return {
    keep: (trail) => {
      waiting.push(trail);
      if (waiting.length === 1) setImmediate(flush);
      else if (waiting.length >= waitingMax) flush();
    },
    flush,
  };
}

function tell(observer: Observer, trail: Trail): void {
  try {
    observer(trail);
  } catch (mistake) {
    process.emitWarning(mistake instanceof Error ? mistake : new Error(String(mistake)));
  }
}
