/** The days that a report is of: the last thirty unless it is asked for others. */
import { fail } from '../core/failure.ts';
import type { LedgerQuestion } from '../core/ledger.ts';

const dayMs = 86_400_000;
const daysUnlessSaid = 30;

export interface Period {
  readonly from: string;
  readonly to: string;
  readonly question: Pick<LedgerQuestion, 'fromDay' | 'toDay'>;
}

export function periodOf(asked: { from: string | undefined; to: string | undefined }, nowMs: number): Period {
  const to = asked.to ?? dayOf(nowMs);
  const from = asked.from ?? dayOf(Date.parse(to) - (daysUnlessSaid - 1) * dayMs);
  if (from > to)
    throw fail('invalid_request', `\`from\`, ${from}, is later than \`to\`, ${to}`, { param: 'from' });
  // The ledger's last day is the one that is not asked for any more.
  return { from, to, question: { fromDay: from, toDay: dayOf(Date.parse(to) + dayMs) } };
}

export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
