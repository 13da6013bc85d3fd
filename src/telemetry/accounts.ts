/**
 * Finished exchanges are accounted for at the end of the turn, together: the code and the tables that it takes are then
 * fetched once for all of them, which in a busy process is a third of what accounting costs. What they came to is written
 * down first, and the last of an answer leaves only then: whoever was answered is never accounted for as lost (G21).
 */
import type { Trail } from '../core/trail.ts';

/** A finished exchange, and the line that stands for it in the spool. */
export interface Ended {
  readonly trail: Trail;
  readonly line: string;
}

export type Observer = (ended: Ended) => void;

export interface AccountsOptions {
  /** Writes down that something is about to be spent: at the end of the turn, or with the next that settles. */
  readonly intend: (trail: Trail) => Promise<boolean>;
  readonly lineOf: (trail: Trail) => string;
  /** Writes down what they came to: in the file when it returns. */
  readonly settle: (ended: readonly Ended[]) => void;
  /** Called in order, after it. They never wait, and one that throws hurts itself alone (P6). */
  readonly observers: readonly Observer[];
}

export interface Accounts {
  /** Resolves when it is written down, or to false when it cannot be. Never rejects. */
  intend(trail: Trail): Promise<boolean>;
  keep(trail: Trail): void;
  /** Resolves when what ends in this turn is written down. Never rejects. */
  written(): Promise<void>;
  /** For what must not wait for the end of the turn: the end of the process. */
  flush(): void;
}

/** So many are not kept waiting. */
const waitingMax = 256;

interface Turn {
  readonly written: Promise<void>;
  readonly resolve: () => void;
}

export function createAccounts({ intend, lineOf, settle, observers }: AccountsOptions): Accounts {
  let waiting: Trail[] = [];
  let turn: Turn | undefined;
  const account = () => {
    if (waiting.length === 0) return;
    const trails = waiting;
    waiting = [];
    const ended: Ended[] = [];
    const end = (trail: Trail) => void ended.push({ trail, line: lineOf(trail) });
    for (const trail of trails) attempt(end, trail);
    attempt(settle, ended);
    for (const one of ended) {
      for (const observer of observers) attempt(observer, one);
    }
  };
  const endTurn = () => {
    const ending = turn;
    turn = undefined;
    account();
    ending?.resolve();
  };
  const thisTurn = () => {
    if (turn !== undefined) return turn;
    turn = createTurn();
    setImmediate(endTurn);
    return turn;
  };
  return {
    intend: (trail) => {
      // Its end comes before that of the spool: what begins and what ends in one turn is then written at once.
      thisTurn();
      return intend(trail);
    },
    keep: (trail) => {
      waiting.push(trail);
      thisTurn();
      if (waiting.length >= waitingMax) account();
    },
    written: () => thisTurn().written,
    flush: endTurn,
  };
}

function createTurn(): Turn {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { written: promise, resolve };
}

function attempt<Given>(what: (given: Given) => void, given: Given): void {
  try {
    what(given);
  } catch (mistake) {
    process.emitWarning(mistake instanceof Error ? mistake : new Error(String(mistake)));
  }
}
