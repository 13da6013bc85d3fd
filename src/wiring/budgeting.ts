/** What budgets go by besides their rules: what was spent before, from ledger and spool, and who is told of it. */
import type { LedgerDimension, LedgerRow, LedgerSum } from '../core/ledger.ts';
import type { Ledger, Spool } from '../core/ports.ts';
import type { BudgetsOptions, BudgetUnit, SpentQuestion } from '../stores/budget-rules.ts';
import type { Alarms } from './alarms.ts';
import type { KeptBudgets } from './kept-budgets.ts';

export interface BudgetingOptions {
  readonly ledger: Pick<Ledger, 'sum'>;
  readonly spool: Pick<Spool, 'unshipped'>;
  readonly alarms: Pick<Alarms, 'budgetCrossed'>;
  readonly kept: Pick<KeptBudgets, 'find' | 'since'>;
}

/** More upstreams than this in one window, and nobody knows any more. */
const rowsMax = 10_000;

export function createBudgeting({ ledger, spool, alarms, kept }: BudgetingOptions): BudgetsOptions {
  return {
    spentBefore: async (question) => {
      // First the rows that are on their way: should one arrive meanwhile, it counts twice rather than not at all.
      const where = whereOf(question);
      const onTheirWay = await spool.unshipped({ ours: question.alsoOurs, names: Object.values(where) });
      const by = dimensions[question.scope.unit];
      const sums = await ledger.sum({ ...spanOf(question), by, where, rowsMax, exact: true });
      return addUp(question, onTheirWay.filter(isOf(where)), sums);
    },
    lastLook: async (question) => {
      const look = kept.find(question);
      if (look === undefined) return undefined;
      const rows = await kept.since();
      if (rows === undefined) return undefined;
      const owed = addUp(question, rows.filter(isOf(whereOf(question))), []);
      return { ...look, owed: look.owed + owed };
    },
    onCrossed: (standing, share) => alarms.budgetCrossed(standing, share),
  };
}

type Names = Partial<Pick<LedgerRow, 'tenant' | 'team' | 'user' | 'key'>>;

/** A holder is a tenant, or somebody of it behind the tenant's name. */
function whereOf({ scope, holder }: SpentQuestion): Names {
  if (scope.per === 'global') return {};
  if (scope.per === 'tenant') return { tenant: holder };
  const slash = holder.indexOf('/');
  return { tenant: holder.slice(0, slash), [scope.per]: holder.slice(slash + 1) };
}

function isOf(where: Names): (row: LedgerRow) => boolean {
  const names = Object.entries(where) as [keyof Names, string][];
  return (row) => names.every(([name, value]) => row[name] === value);
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

function addUp(
  { scope, window }: SpentQuestion,
  rows: readonly LedgerRow[],
  sums: readonly LedgerSum[],
): number {
  const amount = spent[scope.unit];
  let total = 0;
  for (const sum of sums) total += amount({ ...sum, ...sum.by });
  for (const row of rows) {
    const within = row.atMs >= window.startMs && (window.endMs === 0 || row.atMs < window.endMs);
    if (within) total += amount({ ...row, exchanges: 1 });
  }
  return total;
}
