/** A row of the ledger as the database keeps it, and back. */
import type { Insertable, Selectable } from 'kysely';
import { fail } from '../../core/failure.ts';
import type { LedgerFacts, LedgerOutcome, LedgerRow } from '../../core/ledger.ts';
import type { LedgerTable } from './tables.ts';

export type LedgerColumns = Insertable<LedgerTable>;

export const ledgerColumns = {
  id: 'text',
  at_ms: 'whole',
  tenant: 'text',
  team: 'text',
  user: 'text',
  key: 'text',
  route: 'text',
  model: 'text',
  upstream: 'text',
  target_model: 'text',
  outcome: 'text',
  code: 'text',
  status: 'whole',
  stream: 'whole',
  took_ms: 'whole',
  first_token_ms: 'whole',
  queued_ms: 'whole',
  failed_tries: 'whole',
  input_tokens: 'whole',
  cached_input_tokens: 'whole',
  output_tokens: 'whole',
  reasoning_tokens: 'whole',
  price_version: 'text',
  cost_nano_usd: 'whole',
  saved_nano_usd: 'whole',
  saved_by: 'text',
  facts: 'text',
} as const satisfies Record<keyof LedgerColumns, 'text' | 'whole'>;

const textCharsMax = 256;

/**
 * What both databases can keep. Names come from clients: PostgreSQL refuses U+0000 and half characters, and one row
 * that is refused would hold up all that are shipped with it.
 */
export function keepable(text: string): string {
  const bounded = text.length > textCharsMax ? text.slice(0, textCharsMax) : text;
  return bounded.replaceAll('\u0000', '').toWellFormed();
}

export function toColumns(row: LedgerRow): LedgerColumns {
  const whole = (name: keyof LedgerRow & string, value: number) => wholeNumber(value, `${name} of ${row.id}`);
  return {
    id: keepable(row.id),
    at_ms: whole('atMs', row.atMs),
    tenant: keepable(row.tenant),
    team: keepable(row.team),
    user: keepable(row.user),
    key: keepable(row.key),
    route: keepable(row.route),
    model: keepable(row.model),
    upstream: keepable(row.upstream),
    target_model: keepable(row.targetModel),
    outcome: row.outcome,
    code: keepable(row.code),
    status: whole('status', row.status),
    stream: row.stream ? 1 : 0,
    took_ms: whole('tookMs', row.tookMs),
    first_token_ms: whole('firstTokenMs', row.firstTokenMs),
    queued_ms: whole('queuedMs', row.queuedMs),
    failed_tries: whole('failedTries', row.failedTries),
    input_tokens: whole('inputTokens', row.inputTokens),
    cached_input_tokens: whole('cachedInputTokens', row.cachedInputTokens),
    output_tokens: whole('outputTokens', row.outputTokens),
    reasoning_tokens: whole('reasoningTokens', row.reasoningTokens),
    price_version: keepable(row.priceVersion),
    cost_nano_usd: whole('costNanoUsd', row.costNanoUsd),
    saved_nano_usd: whole('savedNanoUsd', row.savedNanoUsd),
    saved_by: row.savedBy,
    facts: factsText(row.facts),
  };
}

export function fromColumns(columns: Selectable<LedgerTable>): LedgerRow {
  return {
    id: columns.id,
    atMs: columns.at_ms,
    tenant: columns.tenant,
    team: columns.team,
    user: columns.user,
    key: columns.key,
    route: columns.route,
    model: columns.model,
    upstream: columns.upstream,
    targetModel: columns.target_model,
    // Only toColumns writes the two, from the same closed lists.
    outcome: columns.outcome as LedgerOutcome,
    code: columns.code,
    status: columns.status,
    stream: columns.stream === 1,
    tookMs: columns.took_ms,
    firstTokenMs: columns.first_token_ms,
    queuedMs: columns.queued_ms,
    failedTries: columns.failed_tries,
    inputTokens: columns.input_tokens,
    cachedInputTokens: columns.cached_input_tokens,
    outputTokens: columns.output_tokens,
    reasoningTokens: columns.reasoning_tokens,
    priceVersion: columns.price_version,
    costNanoUsd: columns.cost_nano_usd,
    savedNanoUsd: columns.saved_nano_usd,
    savedBy: columns.saved_by as LedgerRow['savedBy'],
    facts: columns.facts === '' ? {} : (JSON.parse(columns.facts) as LedgerFacts),
  };
}

/** Empty where there are none: most databases keep that for nothing. */
function factsText(facts: LedgerFacts): string {
  const text = JSON.stringify(facts, (_, value: unknown) =>
    typeof value === 'string' ? keepable(value) : value,
  );
  return text === '{}' ? '' : text;
}

export function kindOfAll<Name extends string, Kind extends 'text' | 'whole'>(
  names: readonly Name[],
  kind: Kind,
): Record<Name, Kind> {
  return Object.fromEntries(names.map((name) => [name, kind])) as Record<Name, Kind>;
}

export function picked<Name extends keyof LedgerColumns>(
  columns: LedgerColumns,
  names: readonly Name[],
): Pick<LedgerColumns, Name> {
  return Object.fromEntries(names.map((name) => [name, columns[name]])) as Pick<LedgerColumns, Name>;
}

/** By their code units, on every machine alike: locks are taken in this order. */
export function compareTexts(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function wholeNumber(value: number, what: string): number {
  if (Number.isSafeInteger(value)) return value;
  throw fail('internal', `the ledger keeps whole numbers up to 2^53, and ${what} is ${value}`);
}
