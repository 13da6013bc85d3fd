/**
 * Budgets in this process. What was spent before it began to count is asked of the ledger once for each holder and
 * window; until that is known the holder waits, and where nobody can tell it is refused as an outage of ours.
 */
import type {
  BudgetDecision,
  BudgetStanding,
  BudgetSubject,
  Extension,
  Left,
  Reservation,
  Spend,
} from '../../core/budget.ts';
import type { Clock } from '../../lib/clock.ts';
import { withinMs } from '../../lib/within-ms.ts';
import {
  amountOf,
  type BudgetOption,
  type BudgetRule,
  type BudgetRules,
  type BudgetsOptions,
  budgetRulesOf,
  type ConfiguredBudgets,
  findMs,
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
import { type Account, BudgetAccounts } from './budget-accounts.ts';

export interface MemoryBudgetsOptions extends BudgetsOptions {
  readonly clock: Clock;
}

export function createMemoryBudgets(
  budgets: readonly BudgetOption[],
  options: MemoryBudgetsOptions,
): ConfiguredBudgets {
  const rules = budgetRulesOf(budgets);
  const accounts = new BudgetAccounts(rules, options.clock);
  return new MemoryBudgets(rules, { accounts, open: new Set() }, options);
}

/** From one budget, for one exchange. */
interface Part {
  readonly rule: BudgetRule;
  readonly account: Account;
  amount: number;
}

/** What outlives a configuration. */
interface Counted {
  readonly accounts: BudgetAccounts;
  /** The longest unheard of first. */
  readonly open: Set<MemoryReservation>;
}

class MemoryBudgets implements ConfiguredBudgets {
  readonly #rules: BudgetRules;
  readonly #accounts: BudgetAccounts;
  readonly #open: Set<MemoryReservation>;
  readonly #options: MemoryBudgetsOptions;

  constructor(rules: BudgetRules, { accounts, open }: Counted, options: MemoryBudgetsOptions) {
    this.#rules = rules;
    this.#accounts = accounts;
    this.#open = open;
    this.#options = options;
  }

  get none(): boolean {
    return this.#rules.length === 0;
  }

  reserve(subject: BudgetSubject, estimate: Spend): BudgetDecision | Promise<BudgetDecision> {
    const purses = pursesOf(this.#rules, subject);
    if (purses.length === 0) return unlimited;
    this.#endOverdue();
    const wallMs = this.#options.clock.wall();
    const parts = purses.map(({ rule, holder }): Part => {
      const account = this.#accounts.at(rule.scope, holder, wallMs);
      return { rule, account, amount: amountOf(rule.scope, estimate) };
    });
    if (parts.every(({ account }) => account.known)) return this.#take(parts, wallMs);
    return this.#takeOnceKnown(parts, wallMs);
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

  follow(budgets: readonly BudgetOption[]): ConfiguredBudgets {
    const rules = budgetRulesOf(budgets);
    const accounts = new BudgetAccounts(rules, this.#options.clock, this.#accounts);
    return new MemoryBudgets(rules, { accounts, open: this.#open }, this.#options);
  }

  async #takeOnceKnown(parts: readonly Part[], wallMs: number): Promise<BudgetDecision> {
    const { clock } = this.#options;
    const finding = Promise.all(parts.map(({ rule, account }) => this.#find(rule, account)));
    await withinMs(finding, clock, findMs);
    return parts.every(({ account }) => account.known) ? this.#take(parts, wallMs) : unavailable;
  }

  /** Once at a time for each account, however many wait. Never rejects: what is not known stays so. */
  #find(rule: BudgetRule, account: Account): Promise<void> | undefined {
    if (account.known) return undefined;
    account.finding ??= this.#options.spentBefore(account).then(
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

  #take(parts: readonly Part[], wallMs: number): BudgetDecision {
    for (const { rule, account, amount } of parts) {
      if (!hasLeft(rule, account, amount)) return refusedBy(rule, account.window, wallMs);
    }
    for (const { account, amount } of parts) account.reserved += amount;
    const { clock, onCrossed } = this.#options;
    return {
      allowed: true,
      reservation: new MemoryReservation(parts, { clock, onCrossed, open: this.#open }),
    };
  }

  #endOverdue(): void {
    const nowMs = this.#options.clock.now();
    for (const reservation of this.#open) {
      if (reservation.endsAtMs > nowMs) break;
      reservation.end();
    }
  }
}

/** What costs nothing is never refused. */
function hasLeft({ limit }: BudgetRule, { spent, reserved }: Account, amount: number): boolean {
  return amount === 0 || spent + reserved + amount <= limit;
}

interface ReservationContext extends Pick<MemoryBudgetsOptions, 'clock' | 'onCrossed'> {
  readonly open: Set<MemoryReservation>;
}

class MemoryReservation implements Reservation {
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
    return leftOf(
      this.#parts.map(({ rule, account }) => ({ rule, left: rule.limit - account.spent - account.reserved })),
    );
  }

  extend(more: Spend): Extension {
    if (this.#state === 'settled') return 'spent';
    if (this.#state === 'ended') this.#revive();
    for (const { rule, account } of this.#parts) {
      if (!hasLeft(rule, account, amountOf(rule.scope, more))) return 'spent';
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
    this.#context.open.delete(this);
    for (const { rule, account, amount } of this.#parts) {
      if (ended) account.spent -= amount;
      else account.reserved -= amount;
      this.#spend(rule, account, amountOf(rule.scope, spent));
    }
  }

  end(): void {
    this.#state = 'ended';
    this.#context.open.delete(this);
    for (const { rule, account, amount } of this.#parts) {
      account.reserved -= amount;
      this.#spend(rule, account, amount);
    }
  }

  #renew(): void {
    const { open, clock } = this.#context;
    this.endsAtMs = clock.now() + leaseMs;
    open.delete(this);
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
