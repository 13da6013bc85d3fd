/** What rows add to the sums by day and by month. */
import { hash } from 'node:crypto';
import type { Insertable } from 'kysely';
import { type AddUp, createAddUp } from './insert-rows.ts';
import { compareTexts, kindOfAll, type LedgerColumns, picked } from './ledger-columns.ts';
import { firstOfMonth } from './sum-parts.ts';
import type { LedgerDaysTable, SqlDialect } from './tables.ts';

export const named = [
  'tenant',
  'team',
  'user',
  'key',
  'route',
  'model',
  'upstream',
  'outcome',
  'saved_by',
  'target_model',
] as const;

export const amounts = [
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cost_nano_usd',
  'saved_nano_usd',
] as const;

export const counted = ['exchanges', ...amounts] as const;

type Named = Pick<LedgerColumns, (typeof named)[number]>;
type Counts = Record<(typeof counted)[number], number>;
export type DayColumns = Insertable<LedgerDaysTable>;

export const dayColumns = {
  day: 'text',
  combination: 'text',
  ...kindOfAll(named, 'text'),
  ...kindOfAll(counted, 'whole'),
} as const satisfies Record<keyof DayColumns, 'text' | 'whole'>;

/**
 * One row for each day and combination, in the order of the primary key: whoever adds to the same sums at the same
 * time locks them in the same order and waits, where another order would be a deadlock (R4).
 */
export function sumByDay(rows: readonly LedgerColumns[]): readonly DayColumns[] {
  const days = new Map<string, Summed>();
  for (const row of rows) {
    const place = placeOf(row);
    const sofar = days.get(place);
    if (sofar === undefined) days.set(place, firstOf(row));
    else addTo(sofar, row);
  }
  return [...days.values()].sort(byPrimaryKey);
}

/** Sums under the names that they have now: those of one day and the same names become one. */
export function mergedDays(rows: readonly DayColumns[]): readonly DayColumns[] {
  const days = new Map<string, DayColumns>();
  for (const row of rows) {
    const combination = digest(combinationOf(row));
    const place = `${row.day}:${combination}`;
    const sofar = days.get(place);
    days.set(place, sofar === undefined ? { ...row, combination } : { ...sofar, ...plus(sofar, row) });
  }
  return [...days.values()].sort(byPrimaryKey);
}

/** The same by month, in the same order. */
export function sumByMonth(days: readonly DayColumns[]): readonly DayColumns[] {
  const months = new Map<string, DayColumns>();
  for (const one of days) {
    const day = firstOfMonth(one.day);
    const place = `${day} ${one.combination}`;
    const sofar = months.get(place);
    months.set(place, sofar === undefined ? { ...one, day } : { ...sofar, ...plus(sofar, one) });
  }
  return [...months.values()].sort(byPrimaryKey);
}

/** What takes sums out again of those that they were added to. */
export function negated(row: DayColumns): DayColumns {
  const taken = { ...row };
  for (const name of counted) taken[name] = -row[name];
  return taken;
}

/** Adds to the sums as they are what the rows bring. */
export function addSums(dialect: SqlDialect, table: 'ledger_days' | 'ledger_months'): AddUp<DayColumns> {
  return createAddUp(dialect, { table, columns: dayColumns, place: ['day', 'combination'], counted });
}

/** In UTC. */
export function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

const dayMs = 86_400_000;

/** Day and names in one text, apart by a character that no kept name has: `combinationOf` in JSON takes four times as long. */
function placeOf(row: LedgerColumns): string {
  const { at_ms, tenant, team, user, key, route, model, upstream, outcome, saved_by, target_model } = row;
  const who = `${Math.floor(at_ms / dayMs)}\0${tenant}\0${team}\0${user}\0${key}`;
  return `${who}\0${route}\0${model}\0${upstream}\0${outcome}\0${saved_by}\0${target_model}`;
}

/** A sum that is being made. */
type Summed = DayColumns & Counts;

function firstOf(row: LedgerColumns): Summed {
  const day = dayOf(row.at_ms);
  return { day, combination: digest(combinationOf(row)), ...picked(row, named), ...countsOf(row) };
}

function addTo(sums: Summed, row: LedgerColumns): void {
  sums.exchanges += 1;
  for (const name of amounts) sums[name] += row[name];
}

function combinationOf(row: Named): readonly string[] {
  return named.map((name) => row[name]);
}

/** 132 bits: no two combinations share one. */
function digest(combination: readonly string[]): string {
  return hash('sha256', JSON.stringify(combination), 'base64url').slice(0, 22);
}

function countsOf(row: LedgerColumns): Counts {
  return { exchanges: 1, ...picked(row, amounts) };
}

function plus(sofar: Counts, more: Counts): Counts {
  const sums = { ...sofar };
  for (const name of counted) sums[name] += more[name];
  return sums;
}

function byPrimaryKey(one: DayColumns, other: DayColumns): number {
  return compareTexts(one.day, other.day) || compareTexts(one.combination, other.combination);
}
