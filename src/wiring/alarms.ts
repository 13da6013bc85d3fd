/** What the gateway itself raises alerts about: what it stands on is away, and budgets that are spent. */
import { type Alerts, createAlerts } from '../alerts/alerts.ts';
import type { AlertsOptions } from '../alerts/options.ts';
import type { AlertLog } from '../alerts/receiver.ts';
import type { Dependency as Standing } from '../answers/dependencies.ts';
import type { BudgetStanding } from '../core/budget.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { createDialer } from '../net/dialer.ts';
import type { Shared } from '../stores/shared-state.ts';
import { sayOutage } from '../stores/sql/outage.ts';

interface Words {
  readonly away: string;
  readonly back: string;
  /** How long it must be away before somebody is told: a restart is no news. */
  readonly afterMs: number;
}

const minuteMs = 60_000;

const dependencies = {
  shared: {
    away: 'what replicas share cannot be reached: each enforces its part',
    back: 'what replicas share is shared again',
    afterMs: minuteMs,
  },
  store: {
    away: 'the store cannot be reached: requests go on, reports do not',
    back: 'the store is back',
    afterMs: minuteMs,
  },
  ledger: {
    away: 'finished exchanges wait in the spool for the ledger',
    back: 'the ledger takes finished exchanges again',
    afterMs: minuteMs,
  },
  // What is not kept is gone: each second counts.
  spool: {
    away: 'finished exchanges cannot be kept: is the disk full?',
    back: 'finished exchanges are kept again',
    afterMs: 0,
  },
} as const satisfies Record<string, Words>;

/** Of `shared`, where it is memory. A gateway that takes the place of another is not alone for as long as that drains. */
const notAlone: Words = {
  away: 'another gateway is at this store, and shares nothing else with this one: each gives slots, limits and budgets away for itself',
  back: 'no other gateway is at this store any more',
  afterMs: minuteMs,
};

export type Dependency = keyof typeof dependencies;
const dependencyNames = Object.keys(dependencies) as readonly Dependency[];

export interface AlarmsContext {
  readonly clock: Clock;
  readonly log: AlertLog;
  /** As `AlertsContext` has them. */
  readonly strangers?: readonly string[] | undefined;
}

export class Alarms {
  readonly alerts: Alerts;
  readonly #context: AlarmsContext;
  readonly #waiting = new Map<Dependency, Timer>();
  readonly #states = new Map<Dependency, Standing>();
  #shared: Pick<Shared, 'claim'> | undefined;

  constructor(options: AlertsOptions, context: AlarmsContext) {
    const { clock, log, strangers } = context;
    this.#context = context;
    const sinceMs = clock.wall();
    for (const name of dependencyNames) this.#states.set(name, { name, state: 'there', sinceMs });
    this.alerts = createAlerts(options, {
      clock,
      log,
      strangers,
      dialer: createDialer({ clock }),
      claim: (name, ttlMs) => this.#shared?.claim(name, ttlMs) ?? Promise.resolve(true),
    });
  }

  /** From now on one replica tells what all of them notice. */
  shareWith(shared: Pick<Shared, 'claim'>): void {
    this.#shared = shared;
  }

  /** Each, as far as anybody has tried. */
  get dependencies(): readonly Standing[] {
    return [...this.#states.values()];
  }

  /** Something is away, or away for another reason, or back when there is no trouble: once for each change. */
  outage(dependency: Dependency, trouble: Error | undefined): void {
    this.#tell(dependency, trouble, dependencies[dependency]);
  }

  /** So many other gateways are at the database of one that shares nothing else with them; none where they have left. */
  beside(others: number): void {
    const message = `there are ${others} of them: run one gateway at this PostgreSQL, or set \`shared: redis://HOST:PORT\` for all`;
    this.#tell('shared', others === 0 ? undefined : new Error(message), notAlone);
  }

  #tell(dependency: Dependency, trouble: Error | undefined, words: Words): void {
    const { clock, log } = this.#context;
    const { away, back, afterMs } = words;
    const state = trouble === undefined ? 'there' : 'away';
    // Away for another reason is away since it went.
    const standing = this.#states.get(dependency);
    if (standing?.state !== state)
      this.#states.set(dependency, { ...standing, name: dependency, state, sinceMs: clock.wall() });
    const alert = {
      kind: 'degraded',
      key: dependency,
      summary: away,
      labels: { dependency },
      startsAtMs: clock.wall(),
    } as const;
    if (trouble === undefined) {
      this.#waiting.get(dependency)?.cancel();
      this.#waiting.delete(dependency);
      log.info({}, back);
      this.alerts.tell({ ...alert, summary: back, resolved: true });
      return;
    }
    log.error({ message: sayOutage(trouble) }, away);
    // Counted from when it went: what fails now in one way and then in another would never be told of.
    if (this.#waiting.has(dependency)) return;
    this.#waiting.set(
      dependency,
      clock.after(afterMs, () => this.alerts.tell(alert)),
    );
  }

  /** Something is there and not as it should be, or is again as it should be when there is nothing to tell. */
  note(dependency: Dependency, note: string | undefined): void {
    const standing = this.#states.get(dependency);
    if (standing !== undefined) this.#states.set(dependency, { ...standing, note });
    if (note === undefined) this.#context.log.info({}, `the ${dependency} has room enough again`);
    else this.#context.log.warn({ message: note }, `the ${dependency} is there, and has too little room`);
  }

  /** A share of a budget is spent: once for each window and share. */
  budgetCrossed({ name, per, holder, windowStartMs }: BudgetStanding, share: number): void {
    const window = windowStartMs === 0 ? 'ever' : new Date(windowStartMs).toISOString().slice(0, 10);
    const whose = per === 'global' ? 'of all' : `of ${per} ${holder}`;
    this.alerts.tell({
      kind: 'budget_spent',
      key: JSON.stringify([per, holder, name, windowStartMs, share]),
      summary: `the budget ${name} ${whose} is spent to ${Math.round(share * 100)} %`,
      labels: { budget: name, per, holder, window, share: String(share) },
      startsAtMs: this.#context.clock.wall(),
    });
  }

  async close(): Promise<void> {
    for (const timer of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
    await this.alerts.close();
  }
}
