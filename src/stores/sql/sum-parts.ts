/** From which sums the days of a report are answered: whole months from those by month, the rest from those by day. */

export interface SumPart {
  readonly table: 'ledger_days' | 'ledger_months';
  /** From this day on, up to but without the last. */
  readonly fromDay: string;
  readonly toDay: string;
}

export function sumParts(fromDay: string, toDay: string): readonly SumPart[] {
  const from = firstOfMonth(fromDay);
  const firstMonth = from === fromDay ? fromDay : monthAfter(from);
  const endOfMonths = firstOfMonth(toDay);
  if (firstMonth >= endOfMonths) return [{ table: 'ledger_days', fromDay, toDay }];
  const parts: readonly SumPart[] = [
    { table: 'ledger_days', fromDay, toDay: firstMonth },
    { table: 'ledger_months', fromDay: firstMonth, toDay: endOfMonths },
    { table: 'ledger_days', fromDay: endOfMonths, toDay },
  ];
  return parts.filter((part) => part.fromDay < part.toDay);
}

/** The month that a day is of, as the sums name it. */
export function firstOfMonth(day: string): string {
  return `${day.slice(0, 7)}-01`;
}

function monthAfter(firstDay: string): string {
  const next = new Date(`${firstDay}T00:00:00Z`);
  next.setUTCMonth(next.getUTCMonth() + 1);
  return next.toISOString().slice(0, 10);
}
