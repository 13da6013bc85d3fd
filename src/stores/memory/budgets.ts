/**
 * Budgets in this process. What was spent before it began to count is asked of the ledger once for each holder and
 * window; until that is known the holder waits. Where nobody can tell a part is given away of what an earlier run knew to be
 * left, and it is refused then as an outage of ours.
 */
import { setImmediate } from 'node:timers/promises';
import type {
  BudgetDecision,
  BudgetStanding,
  BudgetSubject,
  Extension,
  Left,
  Reservation,
  Spend,
} from '../../core/budget.ts';
import { Arrivals, type Arrived, nextArrival } from '../../lib/arrivals.ts';
import type { Clock } from '../../lib/clock.ts';
import { withinMs } from '../../lib/within-ms.ts';
import {
  allottedBy,
  amountOf,
  type BudgetOption,
  type BudgetRule,
  type BudgetRules,
  type BudgetsOptions,
  budgetRulesOf,
  type ConfiguredBudgets,
  findMs,
  type KnownSpend,
  leaseMs,
  leftOf,
  pursesOf,
  refusedBy,
  ruleFor,
  shareSpent,
  standingOf,
  unavailable,
  unlimited,
} from '../budget-rules.ts';
import { type Account, BudgetAccounts, isPresent } from './budget-accounts.ts';

export interface MemoryBudgetsOptions extends BudgetsOptions {
  readonly clock: Clock;
}

export function createMemoryBudgets(
  budgets: readonly BudgetOption[],
  options: MemoryBudgetsOptions,
): ConfiguredBudgets {
  const rules = budgetRulesOf(budgets);
  const accounts = new BudgetAccounts(rules, options.clock);
  return new MemoryBudgets(rules, { accounts, open: new Arrivals() }, options);
}

/** From one budget, for one exchange. */
interface Part {
  readonly rule: BudgetRule;
  readonly account: Account;
  amount: number;
}

/** A budget, what is spent of it, and what else a caller spends from: a link, because a list is three things to fetch. */
class Share {
  readonly by: MemoryBudgets;
  readonly rule: BudgetRule;
  readonly next: Share | undefined;
  account: Account;

  constructor(
    by: MemoryBudgets,
    { rule, account }: Pick<Share, 'rule' | 'account'>,
    next: Share | undefined,
  ) {
    this.by = by;
    this.rule = rule;
    this.account = account;
    this.next = next;
  }
}

/** What outlives a configuration. */
interface Counted {
  readonly accounts: BudgetAccounts;
  /** The longest unheard of first. */
  readonly open: Arrivals<MemoryReservation>;
}

class MemoryBudgets implements ConfiguredBudgets {
  readonly #rules: BudgetRules;
  readonly #accounts: BudgetAccounts;
  readonly #context: ReservationContext;
  readonly #options: MemoryBudgetsOptions;

  constructor(rules: BudgetRules, { accounts, open }: Counted, options: MemoryBudgetsOptions) {
    this.#rules = rules;
    this.#accounts = accounts;
    this.#context = { open, clock: options.clock, onCrossed: options.onCrossed };
    this.#options = options;
  }

  get none(): boolean {
    return this.#rules.length === 0;
  }

  reserve(subject: BudgetSubject, estimate: Spend): BudgetDecision | Promise<BudgetDecision> {
    if (this.none) return unlimited;
    const wallMs = this.#options.clock.wall();
    const first = this.#sharesOf(subject, wallMs);
    if (first === undefined) return unlimited;
    this.#endOverdue();
    const parts: Part[] = [];
    let isKnown = true;
    for (let share: Share | undefined = first; share !== undefined; share = share.next) {
      const { rule } = share;
      const account = this.#presentOf(share, wallMs);
      isKnown &&= account.known;
      parts.push({ rule, account, amount: amountOf(rule.scope, estimate) });
    }
    return isKnown ? this.#take(parts, wallMs) : this.#takeOnceKnown(parts, wallMs);
  }

  standings(): Promise<readonly BudgetStanding[]> {
    const standings: BudgetStanding[] = [];
    for (const account of this.#accounts.all(this.#options.clock.wall())) {
      const { scope, holder, window } = account;
      const rule = ruleFor(this.#rules, scope.id, holder);
      if (rule !== undefined && account.known) standings.push(standingOf({ rule, holder }, window, account));
    }
    return Promise.resolve(standings);
  }

  *known(): Generator<KnownSpend> {
    for (const account of this.#accounts.all(this.#options.clock.wall())) {
      const { scope, holder, window, lastLook, spent } = account;
      const of = { scopeId: scope.id, holder, startMs: window.startMs, endMs: window.endMs };
      if (account.known) yield { ...of, spent, owed: 0, alone: 0 };
      else if (lastLook !== undefined) {
        const { owed, alone } = lastLook;
        yield { ...of, spent: lastLook.spent, owed: owed + spent, alone: alone + spent };
      }
    }
  }

  follow(budgets: readonly BudgetOption[]): ConfiguredBudgets {
    const rules = budgetRulesOf(budgets);
    const accounts = new BudgetAccounts(rules, this.#options.clock, this.#accounts);
    return new MemoryBudgets(rules, { accounts, open: this.#context.open }, this.#options);
  }

  /** Of a caller they are found once. */
  #sharesOf(subject: BudgetSubject, wallMs: number): Share | undefined {
    const { found } = subject;
    const known = found?.budgets;
    if (known instanceof Share && known.by === this) return known;
    const share = pursesOf(this.#rules, subject).reduceRight<Share | undefined>((next, { rule, holder }) => {
      const account = this.#accounts.at(rule.scope, holder, wallMs);
      return new Share(this, { rule, account }, next);
    }, undefined);
    if (found !== undefined) found.budgets = share;
    return share;
  }

  #presentOf(share: Share, wallMs: number): Account {
    const { rule, account } = share;
    if (isPresent(account, wallMs)) return account;
    share.account = this.#accounts.at(rule.scope, account.holder, wallMs);
    return share.account;
  }

  async #takeOnceKnown(parts: readonly Part[], wallMs: number): Promise<BudgetDecision> {
    const { clock } = this.#options;
    const finding = Promise.all(parts.map(({ rule, account }) => this.#find(rule, account)));
    // Who goes by its last look need not wait again.
    if (!parts.every(({ account }) => isCounted(account))) await withinMs(finding, clock, findMs);
    await withinMs(Promise.all(parts.map(({ account }) => this.#lookBack(account))), clock, findMs);
    return parts.every(({ account }) => isCounted(account)) ? this.#take(parts, wallMs) : unavailable;
  }

  /** What an earlier run knew, where nobody can be asked now. */
  #lookBack(account: Account): Promise<void> | undefined {
    if (isCounted(account)) return undefined;
    account.looking ??= this.#options.lastLook?.(account).then((look) => {
      account.lastLook = look;
      account.looking = undefined;
    });
    return account.looking;
  }

  /** Once at a time for each account, however many wait. Never rejects: what is not known stays so. */
  #find(rule: BudgetRule, account: Account): Promise<void> | undefined {
    if (account.known) return undefined;
    account.finding ??= this.#askBefore(account).then(
      (spent) => {
        account.spent += spent;
        account.known = true;
        account.finding = undefined;
        // Whoever counted before us has told of these.
        account.toldShare = shareSpent(rule, spent);
      },
      () => {
        account.finding = undefined;
      },
    );
    return account.finding;
  }

  /** Besides what is counted here since it was given away by the last look, which by now stands in the spool as well. */
  async #askBefore(account: Account): Promise<number> {
    const { spent } = account;
    if (spent === 0) return await this.#options.spentBefore(account);
    // What ends in this turn is in the spool at its end.
    await setImmediate();
    return (await this.#options.spentBefore({ ...account, alsoOurs: true })) - spent;
  }

  #take(parts: readonly Part[], wallMs: number): BudgetDecision {
    for (const { rule, account, amount } of parts) {
      if (hasLeft(rule, account, amount)) continue;
      return isSpent(rule, account) ? refusedBy(rule, account.window, wallMs) : unavailable;
    }
    for (const { account, amount } of parts) account.reserved += amount;
    return { allowed: true, reservation: new MemoryReservation(parts, this.#context) };
  }

  #endOverdue(): void {
    const { open, clock } = this.#context;
    const nowMs = clock.now();
    for (let oldest = open.first; oldest !== undefined && oldest.endsAtMs <= nowMs; oldest = open.first) {
      oldest.end();
    }
  }
}

/** Whether anything may be taken from it: what was spent is known, or was when we last looked. */
function isCounted({ known, lastLook }: Account): boolean {
  return known || lastLook !== undefined;
}

/** What costs nothing is never refused. */
function hasLeft(rule: BudgetRule, account: Account, amount: number): boolean {
  return amount === 0 || amount <= leftIn(rule, account);
}

/** By the last look: what is counted since then is all taken from the allotment. */
function leftIn(rule: BudgetRule, { known, lastLook, spent, reserved }: Account): number {
  const most = known || lastLook === undefined ? rule.limit : allottedBy(rule, lastLook, 1);
  return most - spent - reserved;
}

/** For certain: an allotment that is used up is an outage of ours. */
function isSpent({ limit }: BudgetRule, { known, lastLook }: Account): boolean {
  return known || (lastLook !== undefined && lastLook.spent >= limit);
}

interface ReservationContext extends Pick<MemoryBudgetsOptions, 'clock' | 'onCrossed'> {
  readonly open: Arrivals<MemoryReservation>;
}

class MemoryReservation implements Reservation, Arrived {
  /** When it was last heard of, among the others. */
  came = nextArrival();
  endsAtMs: number;
  readonly #parts: readonly Part[];
  readonly #context: ReservationContext;
  /** `ended`: nobody was heard of for too long, and all of it counts as spent until somebody is. */
  #state: 'open' | 'ended' | 'settled' = 'open';

  constructor(parts: readonly Part[], context: ReservationContext) {
    this.#parts = parts;
    this.#context = context;
    this.endsAtMs = context.clock.now() + leaseMs;
    context.open.add(this);
  }

  get left(): Left {
    return leftOf(this.#parts.map(({ rule, account }) => ({ rule, left: leftIn(rule, account) })));
  }

  extend(more: Spend): Extension {
    if (this.#state === 'settled') return 'spent';
    if (this.#state === 'ended') this.#revive();
    for (const { rule, account } of this.#parts) {
      if (hasLeft(rule, account, amountOf(rule.scope, more))) continue;
      return isSpent(rule, account) ? 'spent' : 'unavailable';
    }
    for (const part of this.#parts) {
      const amount = amountOf(part.rule.scope, more);
      part.account.reserved += amount;
      part.amount += amount;
    }
    this.#renew();
    return 'extended';
  }

  settle(spent: Spend): void {
    if (this.#state === 'settled') return;
    const ended = this.#state === 'ended';
    this.#state = 'settled';
    this.#context.open.remove(this);
    for (const { rule, account, amount } of this.#parts) {
      if (ended) account.spent -= amount;
      else account.reserved -= amount;
      this.#spend(rule, account, amountOf(rule.scope, spent));
    }
  }

  end(): void {
    this.#state = 'ended';
    this.#context.open.remove(this);
    for (const { rule, account, amount } of this.#parts) {
      account.reserved -= amount;
      this.#spend(rule, account, amount);
    }
  }

  #renew(): void {
    const { open, clock } = this.#context;
    this.endsAtMs = clock.now() + leaseMs;
    open.remove(this);
    this.came = nextArrival();
    open.add(this);
  }

  /** Whoever was taken for dead goes on. */
  #revive(): void {
    this.#state = 'open';
    for (const { account, amount } of this.#parts) {
      account.spent -= amount;
      account.reserved += amount;
    }
    this.#renew();
  }

  #spend(rule: BudgetRule, account: Account, amount: number): void {
    account.spent += amount;
    const share = shareSpent(rule, account.spent);
    if (share <= account.toldShare) return;
    account.toldShare = share;
    const { holder, window } = account;
    this.#context.onCrossed(standingOf({ rule, holder }, window, account), share);
  }
}
