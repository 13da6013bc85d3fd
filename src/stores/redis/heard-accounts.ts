/** What this replica has heard of each account, bounded in number: it goes by that without Redis, and tells it one that forgot. */
import {
  allottedBy,
  allottedOf,
  type BudgetRule,
  type BudgetScope,
  type BudgetWindow,
  type Count,
  holdersMax,
  type KnownSpend,
  type LastLook,
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
  /** Who was asked last could not tell. */
  unfound: boolean;
  /** What an earlier run knew, where nobody can be asked: for the allotment alone, and never told to Redis. */
  lastLook: LastLook | undefined;
  /** What Redis was told that ours came to while it was yet to be told what was spent before: the ledger may have it as well. */
  early: number;
  /** What we may give away while Redis is not there. */
  allotment: Allotment | undefined;
}

export interface Allotment {
  /** Counts the times that Redis was lost. */
  readonly outage: number;
  readonly most: number;
  used: number;
}

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

  /** All in windows that go on. */
  *all(serverMs: number): Generator<Heard> {
    for (const heard of this.#accounts.values()) if (!isOver(heard, serverMs)) yield heard;
  }

  /** What Redis was told in an epoch that is over is told it anew. */
  lose(serverMs: number): void {
    for (const heard of this.all(serverMs)) heard.early = 0;
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
  const nothing = { spent: 0, reserved: 0, epoch: '', toldPpm: 0, open: 0, early: 0 };
  const unasked = {
    before: undefined,
    finding: undefined,
    unfound: false,
    lastLook: undefined,
    allotment: undefined,
  };
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

/** Whether anything is known of what was spent. */
export function isKnown({ epoch, before, lastLook }: Heard): boolean {
  return epoch !== '' || before !== undefined || lastLook !== undefined;
}

/** Spent and set aside, as far as anything is known. */
export function goneOf({ epoch, spent, reserved, before, lastLook }: Heard): number {
  if (epoch === '' && before === undefined && lastLook !== undefined) return lastLook.spent + lastLook.owed;
  return Math.max(spent, before ?? 0) + reserved;
}

/** For an earlier look of the next run: `untold` is what Redis has not been told yet. */
export function knownSpend(heard: Heard, untold: number): KnownSpend {
  const { scope, holder, window, epoch, before, lastLook, spent, early } = heard;
  const account = { scopeId: scope.id, holder, startMs: window.startMs, endMs: window.endMs };
  // Redis, which was told of it, does not tell us before it has the rest.
  const ours = untold + (epoch === '' ? early : 0);
  if (epoch !== '' || before !== undefined)
    return { ...account, spent: Math.max(spent, before ?? 0) + ours, owed: 0, alone: 0 };
  const { owed = 0, alone = 0, spent: then = 0 } = lastLook ?? {};
  return { ...account, spent: then, owed: owed + ours, alone: alone + ours };
}

/**
 * What we may give away in this outage: a part of what is left, and never much. Nothing where nothing is known. Of what Redis
 * has not told us yet it is given away once: that it is back tells nothing new.
 */
export function allotmentOf(
  heard: Heard,
  rule: BudgetRule,
  { outage, replicas }: { outage: number; replicas: number },
): Allotment {
  const { allotment, epoch } = heard;
  if (allotment !== undefined && (allotment.outage === outage || epoch === '')) return allotment;
  heard.allotment = { outage, most: mostOf(heard, rule, replicas), used: 0 };
  return heard.allotment;
}

function mostOf(heard: Heard, rule: BudgetRule, replicas: number): number {
  const { epoch, before, lastLook } = heard;
  if (epoch !== '' || before !== undefined) return allottedOf(rule, goneOf(heard), replicas);
  return lastLook === undefined ? 0 : allottedBy(rule, lastLook, replicas);
}
