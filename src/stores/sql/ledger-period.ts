/** The days and bounds of what the ledger is asked. */
import { fail } from '../../core/failure.ts';

const dayMs = 86_400_000;

export function startOfDay(day: string, param: string): number {
  const startMs = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  if (startMs % dayMs === 0) return startMs;
  throw fail('invalid_request', `\`${param}\` must be a day such as 2026-01-31`, { param });
}

export function rowsWithin(rows: number, rowsMax: number): number {
  if (Number.isSafeInteger(rows) && rows >= 1 && rows <= rowsMax) return rows;
  throw fail('invalid_request', `\`rowsMax\` must be 1 to ${rowsMax}`, { param: 'rowsMax' });
}
