/** Budgets that all replicas share: who spends from which, and how they stand. */
import type { BudgetDecision, BudgetStanding, BudgetSubject, Spend } from '../../core/budget.ts';
import { fail } from '../../core/failure.ts';
import type { Presence } from '../../core/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import {
  type BudgetOption,
  type BudgetRules,
  type BudgetScope,
  type BudgetsOptions,
  budgetRulesOf,
  type ConfiguredBudgets,
  type KnownSpend,
  pursesOf,
  ruleFor,
  standingOf,
  unlimited,
  windowAt,
} from '../budget-rules.ts';
import { BudgetKeeper } from './budget-keeper.ts';
import { BudgetServer } from './budget-server.ts';
import type { Redis } from './connection.ts';
import { RedisError } from './fault.ts';
import { accountKeyOf, holdersKeyOf } from './heard-accounts.ts';

export interface RedisBudgetsOptions extends BudgetsOptions {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly presence: Pick<Presence, 'count' | 'publish' | 'subscribe'>;
  /** False of who is not counted among the replicas. */
  readonly serves?: boolean | undefined;
  /** Lua that sets `now` in microseconds: the server's own clock, unless a test holds it. */
  readonly time?: string | undefined;
}

export interface FirstRedisBudgets extends ConfiguredBudgets {
  /** Waits, not for long, until Redis was told of all that is settled: by these and by those that followed them. */
  drain(): Promise<void>;
}

export function createRedisBudgets(
  budgets: readonly BudgetOption[],
  options: RedisBudgetsOptions,
): FirstRedisBudgets {
  const server = new BudgetServer(options);
  let keeper: BudgetKeeper | undefined;
  // Whoever has no budgets asks Redis nothing about them.
  const keep = () => {
    keeper ??= new BudgetKeeper({ ...options, server });
    return keeper;
  };
  const first = new RedisBudgets(budgetRulesOf(budgets), { server, keep });
  return Object.assign(first, { drain: async () => await keeper?.drain() });
}

interface Shared {
  readonly server: BudgetServer;
  readonly keep: () => BudgetKeeper;
}

/** Of each scope: as many are told of. */
const standingsMax = 10_000;
const readAtOnce = 100;

class RedisBudgets implements ConfiguredBudgets {
  readonly #rules: BudgetRules;
  readonly #shared: Shared;
  readonly #keeper: BudgetKeeper | undefined;

  constructor(rules: BudgetRules, shared: Shared) {
    this.#rules = rules;
    this.#shared = shared;
    this.#keeper = rules.length === 0 ? undefined : shared.keep();
  }

  get none(): boolean {
    return this.#rules.length === 0;
  }

  reserve(subject: BudgetSubject, estimate: Spend): BudgetDecision | Promise<BudgetDecision> {
    const purses = pursesOf(this.#rules, subject);
    return purses.length === 0 || this.#keeper === undefined
      ? unlimited
      : this.#keeper.reserve(purses, estimate);
  }

  async standings(): Promise<readonly BudgetStanding[]> {
    try {
      const standings: BudgetStanding[] = [];
      for (const { scope } of this.#rules) standings.push(...(await this.#standingsIn(scope)));
      return standings;
    } catch (thrown) {
      if (!(thrown instanceof RedisError)) throw thrown;
      throw fail('dependency_unavailable', 'what replicas share cannot be reached', { cause: thrown });
    }
  }

  known(): Iterable<KnownSpend> {
    return this.#keeper?.known() ?? [];
  }

  follow(budgets: readonly BudgetOption[]): ConfiguredBudgets {
    return new RedisBudgets(budgetRulesOf(budgets), this.#shared);
  }

  async #standingsIn(scope: BudgetScope): Promise<readonly BudgetStanding[]> {
    const { server } = this.#shared;
    const window = windowAt(scope.window, server.nowMs);
    const holders = [...(await this.#holdersOf(holdersKeyOf(scope, window)))];
    const standings: BudgetStanding[] = [];
    for (let from = 0; from < holders.length; from += readAtOnce) {
      const some = holders.slice(from, from + readAtOnce);
      const counts = await server.read(some.map((holder) => accountKeyOf(scope, window, holder)));
      for (const [index, holder] of some.entries()) {
        const [spent = -1, reserved = -1] = counts.slice(2 * index);
        const rule = ruleFor(this.#rules, scope.id, holder);
        if (rule !== undefined && spent >= 0)
          standings.push(standingOf({ rule, holder }, window, { spent, reserved }));
      }
    }
    return standings;
  }

  async #holdersOf(key: string): Promise<ReadonlySet<string>> {
    const holders = new Set<string>();
    let cursor = '0';
    do {
      const some = await this.#shared.server.scan(key, cursor);
      cursor = some.cursor;
      for (const holder of some.members) holders.add(holder);
    } while (cursor !== '0' && holders.size < standingsMax);
    return holders;
  }
}
