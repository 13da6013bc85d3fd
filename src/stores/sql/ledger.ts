/** The ledger over either database. */
import { type SelectQueryBuilder, sql } from 'kysely';
import { fail } from '../../core/failure.ts';
import type {
  LedgerDimension,
  LedgerHours,
  LedgerHoursQuestion,
  LedgerPage,
  LedgerPageQuestion,
  LedgerQuestion,
  LedgerRow,
  LedgerSum,
} from '../../core/ledger.ts';
import type { Ledger } from '../../core/ports.ts';
import { createInsert, type Insert } from './insert-rows.ts';
import { fromColumns, keepable, type LedgerColumns, ledgerColumns, toColumns } from './ledger-columns.ts';
import { counted, type DayColumns, insertSums, sumByDay, sumByMonth } from './ledger-days.ts';
import { type HourColumns, hourColumns, hoursAddedUp, readHours, sumByHour } from './ledger-hours.ts';
import { readPlace, writePlace } from './page-place.ts';
import { type SumPart, sumParts } from './sum-parts.ts';
import type { Database, SqlDialect, Tables } from './tables.ts';

export interface SqlAccess {
  /** The database that takes rows, its schema in place. */
  write<T>(work: (database: Database) => Promise<T>): Promise<T>;
  /** Any database that may answer a report: it may lag, and it may be slow without holding up who writes. */
  report<T>(work: (database: Database) => Promise<T>): Promise<T>;
}

/** In one transaction: more would hold its locks for longer than another one waits. */
const appendRowsMax = 10_000;
const sumRowsMax = 100_000;
const pageRowsMax = 10_000;
const hourRowsMax = 200_000;
const dayMs = 86_400_000;

export function createSqlLedger({ write, report }: SqlAccess, dialect: SqlDialect): Ledger {
  const inserts: Inserts = {
    rows: createInsert(dialect, {
      table: 'ledger',
      columns: ledgerColumns,
      ending: 'on conflict (id) do nothing returning id',
    }),
    days: insertSums(dialect, 'ledger_days'),
    months: insertSums(dialect, 'ledger_months'),
    hours: createInsert(dialect, { table: 'ledger_hours', columns: hourColumns, ending: hoursAddedUp }),
  };
  return {
    append: async (rows) => {
      if (rows.length === 0) return;
      const distinct = inOrder(rows);
      await write((database) => append(database, inserts, distinct));
    },
    sum: async (question) => {
      const read = question.exact === true ? write : report;
      return await read((database) => sum(database, question));
    },
    page: async (question) => await report((database) => page(database, question)),
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
  readonly rows: Insert<LedgerColumns>;
  readonly days: Insert<DayColumns>;
  readonly months: Insert<DayColumns>;
  readonly hours: Insert<HourColumns>;
}

async function append(database: Database, inserts: Inserts, rows: readonly LedgerColumns[]): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    const added = new Set((await inserts.rows(transaction, rows)).map((row) => (row as { id: string }).id));
    // What another gateway kept before is in the sums already: only new rows count.
    const fresh = rows.filter(({ id }) => added.has(id));
    const days = sumByDay(fresh);
    await inserts.days(transaction, days);
    await inserts.months(transaction, sumByMonth(days));
    await inserts.hours(transaction, sumByHour(fresh));
  });
}

const columnOf = {
  day: 'day',
  tenant: 'tenant',
  team: 'team',
  user: 'user',
  key: 'key',
  route: 'route',
  model: 'model',
  upstream: 'upstream',
  outcome: 'outcome',
  savedBy: 'saved_by',
} as const satisfies Record<LedgerDimension, string>;

async function sum(database: Database, question: LedgerQuestion): Promise<readonly LedgerSum[]> {
  const dimensions = [...new Set(question.by)];
  const columns = dimensions.map((dimension) => columnOf[dimension]);
  const totals = database
    .selectFrom(rowsOf(database, question).as('sums'))
    .select(columns)
    .select(({ fn, ref }) =>
      counted.map((name) => fn.coalesce(fn.sum<number>(ref(name)), sql<number>`0`).as(name)),
    )
    .limit(rowsWithin(question.rowsMax, sumRowsMax));
  const grouped = columns.length === 0 ? totals : totals.groupBy(columns);
  const found = await columns.reduce((query, column) => query.orderBy(column), grouped).execute();
  return found.map((row) => ({
    by: Object.fromEntries(dimensions.map((dimension) => [dimension, row[columnOf[dimension]]])),
    exchanges: row.exchanges,
    inputTokens: row.input_tokens,
    cachedInputTokens: row.cached_input_tokens,
    outputTokens: row.output_tokens,
    reasoningTokens: row.reasoning_tokens,
    costNanoUsd: row.cost_nano_usd,
    savedNanoUsd: row.saved_nano_usd,
  }));
}

/** Each row of the sums that the question is about; the days themselves where it asks for days. */
function rowsOf(database: Database, { fromDay, toDay, by, where }: LedgerQuestion) {
  const from = dayFrom(fromDay, 'fromDay');
  const to = dayFrom(toDay, 'toDay');
  const byDay: SumPart = { table: 'ledger_days', fromDay: from, toDay: to };
  const [first = byDay, ...others] = by.includes('day') ? [byDay] : sumParts(from, to);
  const select = (part: SumPart) =>
    filtered(
      database.selectFrom(part.table).where('day', '>=', part.fromDay).where('day', '<', part.toDay),
      where,
    ).selectAll();
  return others.reduce((sofar, part) => sofar.unionAll(select(part)), select(first));
}

async function page(database: Database, question: LedgerPageQuestion): Promise<LedgerPage> {
  const rowsMax = rowsWithin(question.rowsMax, pageRowsMax);
  const period = database
    .selectFrom('ledger')
    .selectAll()
    .where('at_ms', '>=', startOf(question.fromDay, 'fromDay'))
    .where('at_ms', '<', startOf(question.toDay, 'toDay'));
  const after = question.after === undefined ? undefined : readPlace(question.after);
  const wanted = filtered(period, question.where).$if(after !== undefined, (query) =>
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
    fromMs: startOf(question.fromDay, 'fromDay'),
    toMs: startOf(question.toDay, 'toDay'),
    rowsMax: rowsWithin(question.rowsMax, hourRowsMax),
  });
}

function filtered<Name extends 'ledger' | 'ledger_days' | 'ledger_months', Row>(
  query: SelectQueryBuilder<Tables, Name, Row>,
  where: LedgerQuestion['where'],
): SelectQueryBuilder<Tables, Name, Row> {
  return Object.entries(where).reduce(
    (sofar, [dimension, value]) =>
      value === undefined ? sofar : sofar.where(filterColumn(dimension), '=', keepable(value)),
    query,
  );
}

/** A filter that is not known must not be left out: the answer would tell of others' rows. */
function filterColumn(dimension: string) {
  const column = Object.hasOwn(columnOf, dimension) ? columnOf[dimension as LedgerDimension] : 'day';
  if (column !== 'day') return sql.ref<string>(column);
  throw fail('invalid_request', `the ledger cannot be filtered by \`${dimension}\``, { param: 'where' });
}

function dayFrom(day: string, param: string): string {
  startOf(day, param);
  return day;
}

function startOf(day: string, param: string): number {
  const startMs = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  if (startMs % dayMs === 0) return startMs;
  throw fail('invalid_request', `\`${param}\` must be a day such as 2026-01-31`, { param });
}

function rowsWithin(rows: number, rowsMax: number): number {
  if (Number.isSafeInteger(rows) && rows >= 1 && rows <= rowsMax) return rows;
  throw fail('invalid_request', `\`rowsMax\` must be 1 to ${rowsMax}`, { param: 'rowsMax' });
}
