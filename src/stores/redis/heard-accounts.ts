/** What this replica has heard of each account, bounded in number: it goes by that without Redis, and tells it one that forgot. */
import {
  type BudgetRule,
  type BudgetScope,
  type BudgetWindow,
  type Count,
  holdersMax,
  windowAt,
} from '../budget-rules.ts';

export interface Heard extends Count {
  readonly scope: BudgetScope;
  readonly holder: string;
  readonly window: BudgetWindow;
  /** As the scripts take them: the account, its leases, the holders. */
  readonly keys: readonly [string, string, string];
  spent: number;
  reserved: number;
  /** Of the epoch in which this was heard; empty where nothing was. */
  epoch: string;
  toldPpm: number;
  /** Reservations of ours that are not settled. */
  open: number;
  /** What was spent before, by the ledger, where it had to be asked; and whoever asks now. */
  before: number | undefined;
  finding: Promise<number | undefined> | undefined;
  /** What we may give away while Redis is not there. */
  allotment: Allotment | undefined;
}

export interface Allotment {
  /** Counts the times that Redis was lost. */
  readonly outage: number;
  readonly most: number;
  used: number;
}

/** Of each limit, for all replicas together. */
const allottedShare = 0.05;

export class HeardAccounts {
  readonly #accounts = new Map<string, Heard>();

  /** Of the window that is present by the server's clock. */
  at(scope: BudgetScope, holder: string, serverMs: number): Heard {
    const window = windowAt(scope.window, serverMs);
    const key = accountKeyOf(scope, window, holder);
    const heard = this.#accounts.get(key);
    if (heard !== undefined) return heard;
    const account = createHeard({ scope, holder, window, key });
    this.#accounts.set(key, account);
    if (this.#accounts.size > holdersMax) this.#forget(serverMs);
    return account;
  }

  /** Those of which anything was heard, in windows that go on. */
  known(serverMs: number): readonly Heard[] {
    return [...this.#accounts.values()].filter((heard) => heard.epoch !== '' && !isOver(heard, serverMs));
  }

  #forget(serverMs: number): void {
    for (const [key, heard] of this.#accounts)
      if (heard.open === 0 && isOver(heard, serverMs)) this.#accounts.delete(key);
    // The oldest go, and are known to Redis all the same.
    for (const [key, heard] of this.#accounts) {
      if (this.#accounts.size <= holdersMax * 0.9) break;
      if (heard.open === 0) this.#accounts.delete(key);
    }
  }
}

function createHeard(known: Pick<Heard, 'scope' | 'holder' | 'window'> & { readonly key: string }): Heard {
  const { scope, holder, window, key } = known;
  const leases = `millrace:{limits}:budget-leases:${scope.id}:${window.startMs}:${holder}`;
  const nothing = { spent: 0, reserved: 0, epoch: '', toldPpm: 0, open: 0 };
  const unasked = { before: undefined, finding: undefined, allotment: undefined };
  return { scope, holder, window, keys: [key, leases, holdersKeyOf(scope, window)], ...nothing, ...unasked };
}

export function accountKeyOf(scope: BudgetScope, window: BudgetWindow, holder: string): string {
  return `millrace:{limits}:budget:${scope.id}:${window.startMs}:${holder}`;
}

export function holdersKeyOf(scope: BudgetScope, window: BudgetWindow): string {
  return `millrace:{limits}:budget-holders:${scope.id}:${window.startMs}`;
}

function isOver({ window }: Heard, serverMs: number): boolean {
  return window.endMs !== 0 && serverMs >= window.endMs;
}

/** Spent and set aside, as far as anything is known. */
export function goneOf(heard: Heard): number {
  return Math.max(heard.spent, heard.before ?? 0) + heard.reserved;
}

/** What we may give away in this outage: a part of what is left, and never much. Nothing where nothing is known. */
export function allotmentOf(
  heard: Heard,
  rule: BudgetRule,
  { outage, replicas }: { outage: number; replicas: number },
): Allotment {
  if (heard.allotment?.outage === outage) return heard.allotment;
  const known = heard.epoch !== '' || heard.before !== undefined;
  const left = known ? Math.max(0, rule.limit - goneOf(heard)) : 0;
  heard.allotment = {
    outage,
    most: Math.floor(Math.min(rule.limit * allottedShare, left) / replicas),
    used: 0,
  };
  return heard.allotment;
}
