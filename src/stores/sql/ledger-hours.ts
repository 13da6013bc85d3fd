/** What rows add to the sums by hour, and those sums read. */
import type { Insertable } from 'kysely';
import { fail } from '../../core/failure.ts';
import type { LedgerHours } from '../../core/ledger.ts';
import { type AddUp, createAddUp } from './insert-rows.ts';
import { compareTexts, kindOfAll, type LedgerColumns } from './ledger-columns.ts';
import type { Database, LedgerHoursTable, SqlDialect } from './tables.ts';

const hourMs = 3_600_000;

const counted = [
  'exchanges',
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cost_nano_usd',
] as const;

export type HourColumns = Insertable<LedgerHoursTable>;

const hourColumns = {
  hour_ms: 'whole',
  upstream: 'text',
  target_model: 'text',
  ...kindOfAll(counted, 'whole'),
} as const satisfies Record<keyof HourColumns, 'text' | 'whole'>;

/** In the order of the primary key, for the reason that sums by day are. */
export function sumByHour(rows: readonly LedgerColumns[]): readonly HourColumns[] {
  const hours = new Map<string, HourColumns>();
  for (const row of rows) {
    if (!took(row)) continue;
    const { upstream, target_model, input_tokens, cached_input_tokens, output_tokens } = row;
    const { reasoning_tokens, cost_nano_usd } = row;
    const hour_ms = row.at_ms - (row.at_ms % hourMs);
    const place = JSON.stringify([hour_ms, upstream, target_model]);
    const sofar = hours.get(place);
    const tokens = { input_tokens, cached_input_tokens, output_tokens, reasoning_tokens };
    const one = { hour_ms, upstream, target_model, exchanges: 1, ...tokens, cost_nano_usd };
    hours.set(place, sofar === undefined ? one : plus(sofar, one));
  }
  return [...hours.values()].sort(byPrimaryKey);
}

/**
 * Whoever makes up names of models gets refusals, and those took nothing: they fill no table that a report reads whole.
 */
function took({ input_tokens, output_tokens, cost_nano_usd }: LedgerColumns): boolean {
  return input_tokens + output_tokens + cost_nano_usd > 0;
}

function plus(sofar: HourColumns, more: HourColumns): HourColumns {
  const sums = { ...sofar };
  for (const name of counted) sums[name] += more[name];
  return sums;
}

function byPrimaryKey(one: HourColumns, other: HourColumns): number {
  return (
    one.hour_ms - other.hour_ms ||
    compareTexts(one.upstream, other.upstream) ||
    compareTexts(one.target_model, other.target_model)
  );
}

export function addHours(dialect: SqlDialect): AddUp<HourColumns> {
  const place = ['hour_ms', 'upstream', 'target_model'] as const;
  return createAddUp(dialect, { table: 'ledger_hours', columns: hourColumns, place, counted });
}

export async function readHours(
  database: Database,
  { fromMs, toMs, rowsMax }: { readonly fromMs: number; readonly toMs: number; readonly rowsMax: number },
): Promise<LedgerHours> {
  const found = await database
    .selectFrom('ledger_hours')
    .selectAll()
    .where('hour_ms', '>=', fromMs)
    .where('hour_ms', '<', toMs)
    .orderBy('hour_ms')
    .orderBy('upstream')
    .orderBy('target_model')
    .limit(rowsMax + 1)
    .execute();
  if (found.length > rowsMax) {
    throw fail('invalid_request', `these days have more than ${rowsMax} sums by hour: ask for fewer days`, {
      param: 'from',
    });
  }
  const first = await database
    .selectFrom('ledger_hours')
    .select('hour_ms')
    .orderBy('hour_ms')
    .limit(1)
    .executeTakeFirst();
  const hours = found.map((row) => ({
    hourMs: row.hour_ms,
    upstream: row.upstream,
    targetModel: row.target_model,
    exchanges: row.exchanges,
    inputTokens: row.input_tokens,
    cachedInputTokens: row.cached_input_tokens,
    outputTokens: row.output_tokens,
    reasoningTokens: row.reasoning_tokens,
    costNanoUsd: row.cost_nano_usd,
  }));
  return first === undefined ? { hours } : { hours, firstMs: first.hour_ms };
}
