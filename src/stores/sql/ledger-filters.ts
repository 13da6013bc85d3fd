/** Which rows and sums of the ledger are asked for. */
import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely';
import { fail } from '../../core/failure.ts';
import { absentFacts, type LedgerDimension, type LedgerQuestion } from '../../core/ledger.ts';
import { keepable } from './ledger-columns.ts';
import type { SqlDialect, Tables } from './tables.ts';

export const columnOf = {
  day: 'day',
  tenant: 'tenant',
  team: 'team',
  user: 'user',
  key: 'key',
  route: 'route',
  model: 'model',
  upstream: 'upstream',
  targetModel: 'target_model',
  outcome: 'outcome',
  savedBy: 'saved_by',
  code: 'code',
  priceVersion: 'price_version',
  stream: 'stream',
  status: 'status',
  policy: 'policy',
  why: 'why',
  tier: 'tier',
  carriedOn: 'carried_on',
  batchedWith: 'batched_with',
  sharedFrom: 'shared_from',
  sharedWith: 'shared_with',
  serviceTier: 'service_tier',
} as const satisfies Record<LedgerDimension, string>;

/** What no column holds as it is told: how a row's other columns come to it, as the text that it reads as. */
export function toldTexts(dialect: SqlDialect): Readonly<Record<ToldName, RawBuilder<string>>> {
  return {
    stream: sql<string>`case stream when 1 then 'true' else 'false' end`,
    status: sql<string>`cast(status as text)`,
    ...(Object.fromEntries(factNames.map((name) => [columnOf[name], factText(dialect, name)])) as Record<
      FactColumn,
      RawBuilder<string>
    >),
  };
}

const factNames = Object.keys(absentFacts) as readonly (keyof typeof absentFacts)[];
type FactColumn = (typeof columnOf)[keyof typeof absentFacts];
type ToldName = 'stream' | 'status' | FactColumn;

/** By the units of its letters in either database, as columns are compared. */
function factText(dialect: SqlDialect, name: keyof typeof absentFacts): RawBuilder<string> {
  const said =
    dialect === 'sqlite'
      ? sql`cast(nullif(facts, '') ->> ${sql.lit(name)} as text)`
      : sql`(cast(nullif(facts, '') as json) ->> ${sql.lit(name)}) collate "C"`;
  return sql<string>`coalesce(${said}, ${sql.lit(String(absentFacts[name]))})`;
}

export function filteredRows<Name extends 'ledger' | 'ledger_days' | 'ledger_months', Row>(
  query: SelectQueryBuilder<Tables, Name, Row>,
  where: LedgerQuestion['where'],
  dialect: SqlDialect,
): SelectQueryBuilder<Tables, Name, Row> {
  const told: Readonly<Record<string, RawBuilder<string>>> = toldTexts(dialect);
  return Object.entries(where).reduce((sofar, [dimension, value]) => {
    if (value === undefined) return sofar;
    const column = filterColumn(dimension);
    const kept = told[column] ?? sql.ref<string>(column);
    if (typeof value === 'string') return sofar.where(kept, '=', keepable(value));
    return sofar.where(kept, 'in', oneOf(dialect, value));
  }, query);
}

/** As one parameter: the statement is the same however many they are, and is made ready once. */
function oneOf(dialect: SqlDialect, values: readonly string[]): RawBuilder<string> {
  const list = JSON.stringify(values.map(keepable));
  return dialect === 'sqlite'
    ? sql<string>`(select value from json_each(${list}))`
    : sql<string>`(select json_array_elements_text(cast(${list} as json)) collate "C")`;
}

/** A filter that is not known must not be left out: the answer would tell of others' rows. */
function filterColumn(dimension: string): string {
  const column = Object.hasOwn(columnOf, dimension) ? columnOf[dimension as LedgerDimension] : 'day';
  if (column !== 'day') return column;
  throw fail('invalid_request', `the ledger cannot be filtered by \`${dimension}\``, { param: 'where' });
}
