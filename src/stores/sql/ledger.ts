/** The ledger over either database. */
import { fail } from '../../core/failure.ts';
import type {
  LedgerHours,
  LedgerHoursQuestion,
  LedgerPage,
  LedgerPageQuestion,
  LedgerRow,
} from '../../core/ledger.ts';
import type { Ledger } from '../../core/ports.ts';
import { type Addition, type AddUp, createAddition } from './insert-rows.ts';
import { fromColumns, type LedgerColumns, ledgerColumns, toColumns } from './ledger-columns.ts';
import { addSums, type DayColumns, sumByDay, sumByMonth } from './ledger-days.ts';
import { filteredRows } from './ledger-filters.ts';
import { addHours, type HourColumns, readHours, sumByHour } from './ledger-hours.ts';
import { rowsWithin, startOfDay } from './ledger-period.ts';
import { readSums } from './ledger-sums.ts';
import { readPlace, writePlace } from './page-place.ts';
import type { Database, SqlDialect } from './tables.ts';

export interface SqlAccess {
  /** The database that takes rows, its schema in place. */
  write<T>(work: (database: Database) => Promise<T>): Promise<T>;
  /** Any database that may answer a report: it may lag, and it may be slow without holding up who writes. */
  report<T>(work: (database: Database) => Promise<T>): Promise<T>;
}

/** In one transaction: more would hold its locks for longer than another one waits. */
const appendRowsMax = 10_000;
const pageRowsMax = 10_000;
const hourRowsMax = 200_000;

export function createSqlLedger({ write, report }: SqlAccess, dialect: SqlDialect): Ledger {
  const inserts: Inserts = {
    rows: createAddition(dialect, { table: 'ledger', columns: ledgerColumns, id: 'id' }),
    days: addSums(dialect, 'ledger_days'),
    months: addSums(dialect, 'ledger_months'),
    hours: addHours(dialect),
  };
  return {
    append: async (rows) => {
      if (rows.length === 0) return;
      const distinct = inOrder(rows);
      await write((database) => append(database, inserts, distinct));
    },
    sum: async (question) => {
      const read = question.exact === true ? write : report;
      return await read((database) => readSums(database, dialect, question));
    },
    page: async (question) => await report((database) => page(database, dialect, question)),
    hours: async (question) => await report((database) => hours(database, question)),
  };
}

/** By id, as they are locked, and each once. */
function inOrder(rows: readonly LedgerRow[]): readonly LedgerColumns[] {
  if (rows.length > appendRowsMax) {
    throw fail(
      'internal',
      `${rows.length} rows at once are more than the ${appendRowsMax} that the ledger takes`,
    );
  }
  const byId = new Map<string, LedgerColumns>();
  for (const row of rows) {
    const columns = toColumns(row);
    if (!byId.has(columns.id)) byId.set(columns.id, columns);
  }
  return [...byId.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
}

interface Inserts {
  readonly rows: Addition<keyof LedgerColumns>;
  readonly days: AddUp<DayColumns>;
  readonly months: AddUp<DayColumns>;
  readonly hours: AddUp<HourColumns>;
}

async function append(database: Database, inserts: Inserts, rows: readonly LedgerColumns[]): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    // What another gateway kept before is in the sums already: only new rows count.
    const fresh = await inserts.rows(transaction, rows);
    const days = sumByDay(fresh);
    await inserts.days(transaction, days);
    await inserts.months(transaction, sumByMonth(days));
    await inserts.hours(transaction, sumByHour(fresh));
  });
}

async function page(
  database: Database,
  dialect: SqlDialect,
  question: LedgerPageQuestion,
): Promise<LedgerPage> {
  const rowsMax = rowsWithin(question.rowsMax, pageRowsMax);
  const period = database
    .selectFrom('ledger')
    .selectAll()
    .where('at_ms', '>=', startOfDay(question.fromDay, 'fromDay'))
    .where('at_ms', '<', startOfDay(question.toDay, 'toDay'));
  const after = question.after === undefined ? undefined : readPlace(question.after);
  const wanted = filteredRows(period, question.where, dialect).$if(after !== undefined, (query) =>
    query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('at_ms', 'id'), '>', tuple(after?.atMs ?? 0, after?.id ?? '')),
    ),
  );
  const found = await wanted
    .orderBy('at_ms')
    .orderBy('id')
    .limit(rowsMax + 1)
    .execute();
  const rows = found.slice(0, rowsMax).map(fromColumns);
  const last = rows.at(-1);
  return found.length > rowsMax && last !== undefined ? { rows, next: writePlace(last) } : { rows };
}

async function hours(database: Database, question: LedgerHoursQuestion): Promise<LedgerHours> {
  return await readHours(database, {
    fromMs: startOfDay(question.fromDay, 'fromDay'),
    toMs: startOfDay(question.toDay, 'toDay'),
    rowsMax: rowsWithin(question.rowsMax, hourRowsMax),
  });
}
