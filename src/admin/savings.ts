/** What was saved, and by what: sums of the ledger, a column for each cause. */
import type { z } from 'zod';
import type { LedgerDimension, LedgerSum } from '../core/ledger.ts';
import type { Ledger } from '../core/ports.ts';
import type { Saver } from '../money/saving.ts';
import type { savingsQuery, savingsShape } from './cost-shapes.ts';
import { toCsv } from './csv.ts';
import { periodOf } from './period.ts';
import { given } from './usage.ts';

type Savings = z.input<typeof savingsShape>;
type Saved = Savings['total'];

export interface SavingsAsked {
  readonly query: z.output<typeof savingsQuery>;
  readonly premium: string | undefined;
  readonly nowMs: number;
}

const columnOf = {
  cache: 'cacheUsd',
  routing: 'routingUsd',
  'self-hosting': 'selfHostingUsd',
} as const satisfies Record<Saver, keyof Saved>;

/** Each group comes in as many sums as it has causes, and exchanges that saved nothing are one more. */
const sumsAGroup = Object.keys(columnOf).length + 1;

export async function viewSavings(ledger: Ledger, { query, premium, nowMs }: SavingsAsked): Promise<Savings> {
  const { from, to, by, limit, format, ...where } = query;
  const period = periodOf({ from, to }, nowMs);
  const asked = { ...period.question, where: given(where) };
  const grouped: readonly LedgerDimension[] = [...by, 'savedBy'];
  const [sums, all] = await Promise.all([
    ledger.sum({ ...asked, by: grouped, rowsMax: limit * sumsAGroup }),
    ledger.sum({ ...asked, by: ['savedBy'], rowsMax: sumsAGroup }),
  ]);
  const groups = Map.groupBy(sums, (sum) => JSON.stringify(by.map((dimension) => sum.by[dimension])));
  const savings = [...groups.values()].slice(0, limit).map((group) => ({
    by: Object.fromEntries(by.map((dimension) => [dimension, group[0]?.by[dimension] ?? ''])),
    ...savedOf(group),
  }));
  const told = { from: period.from, to: period.to, by, total: savedOf(all), savings };
  return premium === undefined ? told : { ...told, premium };
}

export function savingsCsv({ by, total, savings }: Savings): string {
  const rows = savings.map(({ by: values, ...saved }) => ({ ...values, ...saved }));
  return toCsv([...by, ...Object.keys(total)], rows);
}

/** Whole billionths are added up, and dollars only made of the sums. */
function savedOf(sums: readonly LedgerSum[]): Saved {
  const nano = { costUsd: 0, cacheUsd: 0, routingUsd: 0, selfHostingUsd: 0, savedUsd: 0 };
  let exchanges = 0;
  for (const { by, costNanoUsd, savedNanoUsd, ...sum } of sums) {
    exchanges += sum.exchanges;
    nano.costUsd += costNanoUsd;
    nano.savedUsd += savedNanoUsd;
    if (isSaver(by.savedBy)) nano[columnOf[by.savedBy]] += savedNanoUsd;
  }
  return {
    exchanges,
    costUsd: nano.costUsd / 1e9,
    cacheUsd: nano.cacheUsd / 1e9,
    routingUsd: nano.routingUsd / 1e9,
    selfHostingUsd: nano.selfHostingUsd / 1e9,
    savedUsd: nano.savedUsd / 1e9,
  };
}

function isSaver(text: string | undefined): text is Saver {
  return text !== undefined && Object.hasOwn(columnOf, text);
}
