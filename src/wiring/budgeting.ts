/** What budgets go by besides their rules: what was spent before, from ledger and spool, and who is told of it. */
import type { LedgerDimension, LedgerQuestion, LedgerRow, LedgerSum } from '../core/ledger.ts';
import type { Ledger, Spool } from '../core/ports.ts';
import type { Clock } from '../lib/clock.ts';
import type { BudgetScope, BudgetsOptions, BudgetUnit, SpentQuestion } from '../stores/budget-rules.ts';
import { keepable } from '../stores/sql/ledger-columns.ts';
import type { Alarms } from './alarms.ts';
import { AskedTogether } from './asked-together.ts';
import type { KeptBudgets } from './kept-budgets.ts';

export interface BudgetingOptions {
  readonly clock: Clock;
  readonly ledger: Pick<Ledger, 'sum'>;
  readonly spool: Pick<Spool, 'unshipped'>;
  readonly alarms: Pick<Alarms, 'budgetCrossed'>;
  readonly kept: Pick<KeptBudgets, 'find' | 'since'>;
}

/** As many as the ledger tells of in one answer. More upstreams than this in one window, and nobody knows any more. */
const rowsMax = 100_000;

export function createBudgeting({ clock, ledger, spool, alarms, kept }: BudgetingOptions): BudgetsOptions {
  const together = new AskedTogether<SpentQuestion, number>({
    clock,
    kindOf: ({ scope, window, alsoOurs }) => `${scope.id}:${window.startMs}:${alsoOurs}`,
    ask: (questions) => spentBefore(questions, { ledger, spool }),
  });
  return {
    spentBefore: (question) => together.ask(question),
    lastLook: async (question) => {
      const look = kept.find(question);
      if (look === undefined) return undefined;
      const rows = await kept.since();
      if (rows === undefined) return undefined;
      const owed = addUp([question], { rows, sums: [] })[0] ?? 0;
      return { ...look, owed: look.owed + owed };
    },
    onCrossed: (standing, share) => alarms.budgetCrossed(standing, share),
  };
}

/** Of each, all of one scope and window. */
async function spentBefore(
  questions: readonly SpentQuestion[],
  from: Pick<BudgetingOptions, 'ledger' | 'spool'>,
): Promise<readonly number[]> {
  const [first] = questions;
  if (first === undefined) return [];
  const { scope, alsoOurs } = first;
  const holders = questions.map(namesOf);
  // First the rows that are on their way: should one arrive meanwhile, it counts twice rather than not at all.
  const rows = await from.spool.unshipped({ ours: alsoOurs, names: holders });
  const by = [...namesIn[scope.per], ...dimensions[scope.unit]];
  const where = anyOf(namesIn[scope.per], holders);
  const sums = await from.ledger.sum({ ...spanOf(first), by, where, rowsMax, exact: true });
  if (sums.length < rowsMax || questions.length === 1) return addUp(questions, { rows, sums });
  const half = questions.length >> 1;
  return [
    ...(await spentBefore(questions.slice(0, half), from)),
    ...(await spentBefore(questions.slice(half), from)),
  ];
}

type Name = 'tenant' | 'team' | 'user' | 'key';

/** A holder is a tenant, or somebody of it behind the tenant's name. */
const namesIn = {
  global: [],
  tenant: ['tenant'],
  team: ['tenant', 'team'],
  user: ['tenant', 'user'],
  key: ['tenant', 'key'],
} as const satisfies Record<BudgetScope['per'], readonly Name[]>;

function namesOf({ scope, holder }: SpentQuestion): readonly string[] {
  if (scope.per === 'global') return [];
  const slash = scope.per === 'tenant' ? -1 : holder.indexOf('/');
  return slash < 0 ? [holder] : [holder.slice(0, slash), holder.slice(slash + 1)];
}

/** Of any of the tenants whoever is called as any of them: others than were asked about may be among these. */
function anyOf(names: readonly Name[], holders: readonly (readonly string[])[]): LedgerQuestion['where'] {
  return Object.fromEntries(
    names.map((name, at) => [name, [...new Set(holders.map((one) => one[at] ?? ''))]]),
  );
}

function spanOf({ window }: SpentQuestion): { fromDay: string; toDay: string } {
  return { fromDay: dayOf(window.startMs), toDay: window.endMs === 0 ? '9999-12-31' : dayOf(window.endMs) };
}

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

const dimensions = {
  usd: [],
  tokens: [],
  requests: ['upstream', 'outcome'],
} as const satisfies Record<BudgetUnit, readonly LedgerDimension[]>;

type Counted = Pick<LedgerSum, 'exchanges' | 'inputTokens' | 'outputTokens' | 'costNanoUsd'> & {
  readonly upstream?: string | undefined;
  readonly outcome?: string | undefined;
};

const spent = {
  usd: ({ costNanoUsd }: Counted) => costNanoUsd,
  tokens: ({ inputTokens, outputTokens }: Counted) => inputTokens + outputTokens,
  // What reached no upstream, refusals included, was no request that counts; of what was lost nobody knows.
  requests: ({ exchanges, upstream, outcome }: Counted) =>
    upstream === '' && outcome !== 'lost' ? 0 : exchanges,
} as const satisfies Record<BudgetUnit, (counted: Counted) => number>;

interface Found {
  readonly rows: readonly LedgerRow[];
  readonly sums: readonly LedgerSum[];
}

function addUp(questions: readonly SpentQuestion[], { rows, sums }: Found): readonly number[] {
  const [first] = questions;
  if (first === undefined) return [];
  const { scope, window } = first;
  const amount = spent[scope.unit];
  const holders = questions.map((question) => holderOf(namesOf(question)));
  const totals = new Map(holders.map((holder) => [holder, 0]));
  const add = (of: Readonly<Partial<Record<Name, string>>>, counted: Counted) => {
    const holder = holderOf(namesIn[scope.per].map((name) => of[name] ?? ''));
    const total = totals.get(holder);
    if (total !== undefined) totals.set(holder, total + amount(counted));
  };
  for (const sum of sums) add(sum.by, { ...sum, ...sum.by });
  for (const row of rows) {
    const within = row.atMs >= window.startMs && (window.endMs === 0 || row.atMs < window.endMs);
    if (within) add(row, { ...row, exchanges: 1 });
  }
  return holders.map((holder) => totals.get(holder) ?? 0);
}

/** As the ledger keeps their names. */
function holderOf(names: readonly string[]): string {
  return names.map(keepable).join('/');
}
