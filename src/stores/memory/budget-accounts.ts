/** What is spent and set aside by each holder of a budget in the present window, bounded in number. */
import type { Clock } from '../../lib/clock.ts';
import {
  type BudgetRules,
  type BudgetScope,
  type BudgetWindow,
  type Count,
  holdersMax,
  type LastLook,
  windowAt,
} from '../budget-rules.ts';

export interface Account extends Count {
  readonly scope: BudgetScope;
  readonly holder: string;
  readonly window: BudgetWindow;
  spent: number;
  reserved: number;
  /** Whether we have spent some of what is not known. */
  readonly alsoOurs: boolean;
  /** False until it is known what was spent before we began to count. */
  known: boolean;
  /** Whoever finds that out now. */
  finding: Promise<void> | undefined;
  /** What an earlier run knew, until that is found out; and whoever looks it up now. */
  lastLook: LastLook | undefined;
  looking: Promise<void> | undefined;
  /** The share of the budget that somebody was told of. */
  toldShare: number;
  /** Nobody finds it any more: what is asked for from then on is another's. */
  gone: boolean;
}

interface ScopeAccounts {
  readonly scope: BudgetScope;
  readonly byHolder: Map<string, Account>;
  /** One for all that begin in it. */
  window: BudgetWindow | undefined;
  /** Since this process began, nothing was spent that we have not seen. */
  fromStart: boolean;
  /** From when on we have seen all that was spent: windows that began later began with nothing. */
  sinceMs: number;
}

export class BudgetAccounts {
  readonly #scopes: ReadonlyMap<string, ScopeAccounts>;

  constructor(rules: BudgetRules, clock: Clock, before?: BudgetAccounts) {
    const known = before === undefined ? new Map<string, ScopeAccounts>() : before.#scopes;
    const sinceMs = clock.wall();
    const fromStart = before === undefined;
    const fresh = (scope: BudgetScope) => ({
      scope,
      byHolder: new Map<string, Account>(),
      window: undefined,
      fromStart,
      sinceMs,
    });
    this.#scopes = new Map(rules.map(({ scope }) => [scope.id, known.get(scope.id) ?? fresh(scope)]));
  }

  /** Of the present window. One that has begun does not end because the clock was set back. */
  at(scope: BudgetScope, holder: string, wallMs: number): Account {
    const accounts = this.#of(scope);
    const account = accounts.byHolder.get(holder);
    if (account !== undefined && isPresent(account, wallMs)) return account;
    return add(accounts, holder, wallMs);
  }

  *all(wallMs: number): Generator<Account> {
    for (const { byHolder } of this.#scopes.values()) {
      for (const account of byHolder.values()) if (isPresent(account, wallMs)) yield account;
    }
  }

  #of(scope: BudgetScope): ScopeAccounts {
    const accounts = this.#scopes.get(scope.id);
    if (accounts === undefined) throw new Error(`the scope ${scope.id} is not one of these accounts'`);
    return accounts;
  }
}

/** Whether it is still the one to count in. */
export function isPresent({ gone, window: { endMs } }: Account, wallMs: number): boolean {
  return !gone && (endMs === 0 || wallMs < endMs);
}

/** In place of the one of the window before: who still holds something of that settles it there. */
function add(accounts: ScopeAccounts, holder: string, wallMs: number): Account {
  const { scope, byHolder } = accounts;
  const window = windowOf(accounts, wallMs);
  const account: Account = {
    scope,
    holder,
    window,
    spent: 0,
    reserved: 0,
    alsoOurs: !accounts.fromStart,
    known: window.startMs >= accounts.sinceMs,
    finding: undefined,
    lastLook: undefined,
    looking: undefined,
    toldShare: 0,
    gone: false,
  };
  forget(byHolder, holder);
  byHolder.set(holder, account);
  if (byHolder.size > holdersMax) forgetIdle(accounts, wallMs);
  return account;
}

function windowOf(accounts: ScopeAccounts, wallMs: number): BudgetWindow {
  const { scope, window: last } = accounts;
  const holds = last !== undefined && wallMs >= last.startMs && (last.endMs === 0 || wallMs < last.endMs);
  const window = holds ? last : windowAt(scope.window, wallMs);
  accounts.window = window;
  return window;
}

function forget(byHolder: Map<string, Account>, holder: string): void {
  const account = byHolder.get(holder);
  if (account !== undefined) account.gone = true;
  byHolder.delete(holder);
}

const keptShare = 0.9;

/** The oldest with nothing set aside go. What they have spent is asked for again when they come back. */
function forgetIdle(accounts: ScopeAccounts, wallMs: number): void {
  const { byHolder } = accounts;
  for (const [holder, { reserved, finding }] of byHolder) {
    if (byHolder.size <= holdersMax * keptShare) break;
    if (reserved === 0 && finding === undefined) forget(byHolder, holder);
  }
  accounts.fromStart = false;
  accounts.sinceMs = Math.max(accounts.sinceMs, wallMs);
}
