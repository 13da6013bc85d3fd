/**
 * What exchanges come to. Sums by day and month answer what they are told apart by; what only rows tell is added up from
 * the rows, of so many as are read in a second.
 */
import { type RawBuilder, sql } from 'kysely';
import { fail } from '../../core/failure.ts';
import {
  type LedgerDimension,
  type LedgerQuestion,
  type LedgerSum,
  rowDimensions,
} from '../../core/ledger.ts';
import { amounts, counted, named } from './ledger-days.ts';
import { columnOf, filteredRows, toldTexts } from './ledger-filters.ts';
import { rowsWithin, startOfDay } from './ledger-period.ts';
import { type SumPart, sumParts } from './sum-parts.ts';
import type { Database, SqlDialect } from './tables.ts';

/** By which names and amounts there are to be had; those of rows alone are asked of rows alone. */
type SumColumns = Record<(typeof columnOf)[LedgerDimension], string> &
  Record<(typeof counted)[number], number>;

/** Of a row as they are. */
const kept = [...named, 'code', 'price_version', ...amounts] as const;

const sumRowsMax = 100_000;
/** About half a second of work in either database, and as much again for each fact of the row that is asked for. */
const readRowsMax = 500_000;

export async function readSums(
  database: Database,
  dialect: SqlDialect,
  question: LedgerQuestion,
): Promise<readonly LedgerSum[]> {
  const dimensions = [...new Set(question.by)];
  const columns = dimensions.map((dimension) => columnOf[dimension]);
  const totals = database
    .selectFrom((await sourceOf(database, dialect, question)).as('sums'))
    .select(columns)
    .select(counted.map((name) => totalOf(dialect, name).as(name)))
    .limit(rowsWithin(question.rowsMax, sumRowsMax));
  const grouped = columns.length === 0 ? totals : totals.groupBy(columns);
  const found = await columns.reduce((query, column) => query.orderBy(column), grouped).execute();
  return found.map((row) => ({
    by: valuesOf(dimensions, row),
    exchanges: row.exchanges,
    inputTokens: row.input_tokens,
    cachedInputTokens: row.cached_input_tokens,
    outputTokens: row.output_tokens,
    reasoningTokens: row.reasoning_tokens,
    costNanoUsd: row.cost_nano_usd,
    savedNanoUsd: row.saved_nano_usd,
  }));
}

/**
 * PostgreSQL adds its 64-bit numbers up to decimals of any length, which its workers hand each other as bytes: a third of the
 * time of a large report. What is told is a number of ours, exact up to 2^53: up to there a float is as exact, and beyond it
 * is refused as any other.
 */
function totalOf(dialect: SqlDialect, name: (typeof counted)[number]): RawBuilder<number> {
  const amount = dialect === 'sqlite' ? sql.ref(name) : sql`cast(${sql.ref(name)} as double precision)`;
  return sql<number>`coalesce(sum(${amount}), 0)`;
}

function valuesOf(dimensions: readonly LedgerDimension[], row: SumColumns): LedgerSum['by'] {
  const values: Partial<Record<LedgerDimension, string>> = {};
  for (const dimension of dimensions) values[dimension] = row[columnOf[dimension]];
  return values;
}

async function sourceOf(database: Database, dialect: SqlDialect, question: LedgerQuestion) {
  const asked: readonly string[] = [...question.by, ...Object.keys(question.where)];
  if (!rowDimensions.some((dimension) => asked.includes(dimension)))
    return sumsOf(database, dialect, question);
  await assertReadable(database, dialect, question);
  return rowsAsSums(database, dialect, question);
}

/** Each row of the sums that the question is about; the days themselves where it asks for days. */
function sumsOf(database: Database, dialect: SqlDialect, { fromDay, toDay, by, where }: LedgerQuestion) {
  startOfDay(fromDay, 'fromDay');
  startOfDay(toDay, 'toDay');
  const byDay: SumPart = { table: 'ledger_days', fromDay, toDay };
  const [first = byDay, ...others] = by.includes('day') ? [byDay] : sumParts(fromDay, toDay);
  const select = (part: SumPart) =>
    filteredRows(
      database.selectFrom(part.table).where('day', '>=', part.fromDay).where('day', '<', part.toDay),
      where,
      dialect,
    )
      .selectAll()
      .$castTo<SumColumns>();
  return others.reduce((sofar, part) => sofar.unionAll(select(part)), select(first));
}

/** Counted before they are read: of a year's rows nobody waits for the answer, and who writes waits for nobody's report. */
async function assertReadable(
  database: Database,
  dialect: SqlDialect,
  question: LedgerQuestion,
): Promise<void> {
  const first = periodOf(database, dialect, question)
    .select('id')
    .limit(readRowsMax + 1);
  const { count } = await database
    .selectFrom(first.as('first'))
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  if (count <= readRowsMax) return;
  throw fail(
    'invalid_request',
    `there are more than ${readRowsMax} exchanges in these days, and by ${rowDimensions.join(', ')} each of them is read: ` +
      'ask about fewer days, or about one tenant',
    { param: 'from' },
  );
}

/** By an index, of one tenant as of all. */
function periodOf(database: Database, dialect: SqlDialect, { fromDay, toDay, where }: LedgerQuestion) {
  const { tenant } = where;
  return filteredRows(
    database
      .selectFrom('ledger')
      .where('at_ms', '>=', startOfDay(fromDay, 'fromDay'))
      .where('at_ms', '<', startOfDay(toDay, 'toDay')),
    tenant === undefined ? {} : { tenant },
    dialect,
  );
}

function rowsAsSums(database: Database, dialect: SqlDialect, question: LedgerQuestion) {
  const day =
    dialect === 'sqlite'
      ? sql<string>`date(at_ms / 1000, 'unixepoch')`
      : sql<string>`to_char(to_timestamp(at_ms / 1000) at time zone 'UTC', 'YYYY-MM-DD') collate "C"`;
  const { tenant: _, ...where } = question.where;
  const asked: readonly string[] = question.by.map((dimension) => columnOf[dimension]);
  const told = Object.entries(toldTexts(dialect))
    .filter(([name]) => asked.includes(name))
    .map(([name, text]) => text.as(name));
  return filteredRows(periodOf(database, dialect, question), where, dialect)
    .select([...kept, day.as('day'), sql<number>`1`.as('exchanges'), ...told])
    .$castTo<SumColumns>();
}
