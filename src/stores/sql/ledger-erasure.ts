/**
 * Takes names out of the ledger, a day at a time and some rows at a time, so that whoever writes is not held up. A day's
 * sums come after its rows: where it was broken off, the day is found again by them.
 */
import { type RawBuilder, sql } from 'kysely';
import type { LedgerErasure } from '../../core/ledger.ts';
import type { Subject } from '../../core/subject.ts';
import type { AddUp } from './insert-rows.ts';
import type { SqlAccess } from './ledger.ts';
import { keepable } from './ledger-columns.ts';
import { type DayColumns, dayOf, mergedDays, negated, sumByMonth } from './ledger-days.ts';
import { firstOfMonth } from './sum-parts.ts';
import type { Database } from './tables.ts';

export interface LedgerTables extends Pick<SqlAccess, 'write'> {
  readonly addDays: AddUp<DayColumns>;
  readonly addMonths: AddUp<DayColumns>;
}

const rowsAtOnce = 1_000;
const dayMs = 86_400_000;

export async function anonymiseLedger(
  { write, ...inserts }: LedgerTables,
  erasure: LedgerErasure,
): Promise<number> {
  const days = await write((database) => daysOf(database, erasure));
  let changed = 0;
  for (const day of days) {
    changed += await untilDone(() => write((database) => renameRows(database, day, erasure)));
    await untilDone(() => write((database) => renameSums(database, day, { erasure, ...inserts })));
  }
  return changed;
}

async function untilDone(some: () => Promise<number>): Promise<number> {
  let all = 0;
  for (;;) {
    const count = await some();
    all += count;
    if (count < rowsAtOnce) return all;
  }
}

async function daysOf(database: Database, { subject, untilMs }: LedgerErasure): Promise<readonly string[]> {
  const found = await database
    .selectFrom('ledger_days')
    .select('day')
    .distinct()
    .where(isOf(subject))
    .where('day', '<=', dayOf(untilMs))
    .orderBy('day')
    .execute();
  return found.map(({ day }) => day);
}

async function renameRows(database: Database, day: string, erasure: LedgerErasure): Promise<number> {
  const startMs = Date.parse(`${day}T00:00:00Z`);
  const { numUpdatedRows } = await database
    .updateTable('ledger')
    .set(namesAfter(erasure))
    .where('id', 'in', (from) =>
      from
        .selectFrom('ledger')
        .select('id')
        .where(isOf(erasure.subject))
        .where('at_ms', '>=', startMs)
        .where('at_ms', '<=', Math.min(startMs + dayMs - 1, Math.trunc(erasure.untilMs)))
        .limit(rowsAtOnce),
    )
    // Asked again of each: a row that another gateway has changed since it was found is none of ours.
    .where(isOf(erasure.subject))
    .executeTakeFirst();
  return Number(numUpdatedRows);
}

interface SumsRenamed extends Omit<LedgerTables, 'write'> {
  readonly erasure: LedgerErasure;
}

/** What another gateway adds meanwhile is found the next time: taken out and put back is one step. */
async function renameSums(
  database: Database,
  day: string,
  { erasure, addDays, addMonths }: SumsRenamed,
): Promise<number> {
  return await database.transaction().execute(async (transaction) => {
    const taken = await transaction
      .deleteFrom('ledger_days')
      .where('day', '=', day)
      .where('combination', 'in', (from) =>
        from
          .selectFrom('ledger_days')
          .select('combination')
          .where('day', '=', day)
          .where(isOf(erasure.subject))
          .orderBy('combination')
          .limit(rowsAtOnce),
      )
      .returningAll()
      .execute();
    const names = namesAfter(erasure);
    const renamed = mergedDays(taken.map((row) => ({ ...row, ...names })));
    await addDays(transaction, renamed);
    // The month has other days too: what this one brought goes over to the new names, and no more.
    await addMonths(transaction, sumByMonth([...renamed, ...taken.map(negated)]));
    await transaction
      .deleteFrom('ledger_months')
      .where('day', '=', firstOfMonth(day))
      .where('exchanges', '=', 0)
      .where(isOf(erasure.subject))
      .execute();
    return taken.length;
  });
}

/** As the ledger has their names. */
function isOf({ tenant, user }: Subject): RawBuilder<boolean> {
  const ofTenant = sql<boolean>`${sql.ref('tenant')} = ${keepable(tenant)}`;
  if (user === undefined) return ofTenant;
  return sql<boolean>`${ofTenant} and ${sql.ref('user')} = ${keepable(user)}`;
}

/** Teams and keys of a tenant that is gone tell nothing but its people. */
function namesAfter({ subject, alias }: LedgerErasure) {
  if (subject.user !== undefined) return { user: alias, key: alias };
  return { tenant: alias, team: '', user: '', key: '' };
}
