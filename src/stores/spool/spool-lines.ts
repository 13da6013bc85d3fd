/** What stands in the spool, read again: an intent before anything is spent on an exchange, and its end, a line each. */
import { chosenWhys, type LedgerFacts, type LedgerOutcome, type LedgerRow } from '../../core/ledger.ts';

export type SpoolLine =
  | { readonly kind: 'intent'; readonly id: string; readonly ifLost: LedgerRow }
  | { readonly kind: 'end'; readonly id: string; readonly row: LedgerRow };

/** Nothing for a line that broke off: its exchange is known by its intent, or was told of as lost. */
export function parseSpoolLine(line: string): SpoolLine | undefined {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof fields !== 'object' || fields === null) return undefined;
  const read = reader(fields as Record<string, unknown>);
  const intent = read.text('intent');
  if (intent !== '') return { kind: 'intent', id: intent, ifLost: rowOf(intent, 'lost', read) };
  const id = read.text('id');
  const outcome = outcomes.find((known) => known === read.text('outcome'));
  return id === '' || outcome === undefined ? undefined : { kind: 'end', id, row: rowOf(id, outcome, read) };
}

/** The rows of those that ended. */
export function endedRows(lines: readonly string[]): readonly LedgerRow[] {
  return lines.flatMap((line) => {
    const parsed = parseSpoolLine(line);
    return parsed?.kind === 'end' ? [parsed.row] : [];
  });
}

const savers: readonly LedgerRow['savedBy'][] = ['cache', 'routing', 'self-hosting'];
const outcomes: readonly LedgerOutcome[] = ['complete', 'failed', 'aborted'];

interface Reader {
  text(name: string): string;
  number(name: string): number;
  flag(name: string): boolean;
  count(name: string): number;
}

/** By our own hand, but read from a disk: what is not of its type is not there. */
function reader(fields: Readonly<Record<string, unknown>>): Reader {
  return {
    text: (name) => (typeof fields[name] === 'string' ? fields[name] : ''),
    number: (name) => (typeof fields[name] === 'number' && Number.isFinite(fields[name]) ? fields[name] : 0),
    flag: (name) => fields[name] === true,
    count: (name) => (Array.isArray(fields[name]) ? fields[name].length : 0),
  };
}

function rowOf(id: string, outcome: LedgerOutcome, read: Reader): LedgerRow {
  const { text, number, flag, count } = read;
  return {
    id,
    atMs: number('at'),
    tenant: text('tenant'),
    team: text('team'),
    user: text('user'),
    key: text('key'),
    route: text('route'),
    model: text('model'),
    upstream: text('upstream'),
    targetModel: text('targetModel'),
    outcome,
    code: text('code'),
    status: number('status'),
    stream: flag('stream'),
    tookMs: Math.round(number('tookMs')),
    firstTokenMs: Math.round(number('firstTokenMs')),
    queuedMs: Math.round(number('queuedMs')),
    failedTries: count('attempts'),
    inputTokens: number('inputTokens'),
    cachedInputTokens: number('cachedInputTokens'),
    outputTokens: number('outputTokens'),
    reasoningTokens: number('reasoningTokens'),
    priceVersion: text('priceVersion'),
    costNanoUsd: number('costNanoUsd'),
    savedNanoUsd: number('savedNanoUsd'),
    savedBy: savers.find((known) => known === text('savedBy')) ?? '',
    facts: factsOf(read),
  };
}

function factsOf({ text, number, count }: Reader): LedgerFacts {
  const why = chosenWhys.find((known) => known === text('why'));
  const policy = text('policy');
  const sharedFrom = text('sharedFrom');
  return {
    ...(policy === '' ? {} : { policy }),
    ...(why === undefined ? {} : { why }),
    ...counted('tier', number('tier')),
    ...counted('carriedOn', count('carriedOn')),
    ...counted('batchedWith', number('batchedWith')),
    ...(sharedFrom === '' ? {} : { sharedFrom }),
    ...counted('sharedWith', number('sharedWith')),
  };
}

function counted<Name extends string>(name: Name, count: number): { readonly [name in Name]?: number } {
  return count === 0 ? {} : ({ [name]: count } as { readonly [name in Name]?: number });
}
