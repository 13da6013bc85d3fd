/** Which rows and sums of the ledger are asked for. */
import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely';
import { fail } from '../../core/failure.ts';
import type { LedgerDimension, LedgerQuestion } from '../../core/ledger.ts';
import { keepable } from './ledger-columns.ts';
import type { Tables } from './tables.ts';

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
} as const satisfies Record<LedgerDimension, string>;

/** As SQLite and PostgreSQL both write it, where a row keeps 0 or 1. */
export const streamText: RawBuilder<string> = sql<string>`case stream when 1 then 'true' else 'false' end`;

export function filteredRows<Name extends 'ledger' | 'ledger_days' | 'ledger_months', Row>(
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
  if (column === 'stream') return streamText;
  if (column !== 'day') return sql.ref<string>(column);
  throw fail('invalid_request', `the ledger cannot be filtered by \`${dimension}\``, { param: 'where' });
}
