/** What stands in the spool, read again: an intent before anything is spent on an exchange, and its end, a line each. */
import { chosenWhys, type LedgerFacts, type LedgerOutcome, type LedgerRow } from '../../core/ledger.ts';

const intentHead = '{"intent":"';
/** How every intent ends. A name cannot be taken for it: quotes within one are written with a backslash. */
const streamName = '"stream":';
const intentTail = /"stream":(?:true|false)(?:,"inputTokens":\d+,"outputTokens":\d+,"costNanoUsd":\d+)?\}$/y;

/**
 * Which exchange begins here, without what is known of it: that is read where the exchange has no end, and to parse it costs
 * as much as an end does. Nothing for any other line, nor for one that broke off.
 */
export function intentIn(line: string): string | undefined {
  if (!line.startsWith(intentHead)) return undefined;
  intentTail.lastIndex = Math.max(0, line.lastIndexOf(streamName));
  return intentTail.test(line)
    ? line.slice(intentHead.length, line.indexOf('"', intentHead.length))
    : undefined;
}

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
  const outcome = knownOf(outcomes, read.text('outcome'));
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
  /** The last of a list. */
  last(name: string): Reader | undefined;
}

/** By our own hand, but read from a disk: what is not of its type is not there. */
function reader(fields: Readonly<Record<string, unknown>>): Reader {
  return {
    text: (name) => {
      const value = fields[name];
      return typeof value === 'string' ? value : '';
    },
    number: (name) => {
      const value = fields[name];
      return typeof value === 'number' && Number.isFinite(value) ? value : 0;
    },
    flag: (name) => fields[name] === true,
    count: (name) => {
      const value = fields[name];
      return Array.isArray(value) ? value.length : 0;
    },
    last: (name) => {
      const value = fields[name];
      const last: unknown = Array.isArray(value) ? value.at(-1) : undefined;
      return typeof last === 'object' && last !== null ? reader(last as Record<string, unknown>) : undefined;
    },
  };
}

function rowOf(id: string, outcome: LedgerOutcome, read: Reader): LedgerRow {
  const { text, number, flag, count } = read;
  const served = servedIn(read);
  return {
    id,
    atMs: number('at'),
    tenant: text('tenant'),
    team: text('team'),
    user: text('user'),
    key: text('key'),
    route: text('route'),
    model: text('model'),
    upstream: served.upstream,
    targetModel: served.targetModel,
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
    savedBy: knownOf(savers, text('savedBy')) ?? '',
    facts: factsOf(read),
  };
}

/**
 * Who worked on it last. Whoever waited for another when it ended was nowhere then, but the one before may send a bill:
 * what it cost stands under that name, and it is a request that counts.
 */
function servedIn({ text, last }: Reader): Pick<LedgerRow, 'upstream' | 'targetModel'> {
  const upstream = text('upstream');
  const before = upstream === '' ? last('attempts') : undefined;
  if (before === undefined) return { upstream, targetModel: text('targetModel') };
  return { upstream: before.text('upstream'), targetModel: before.text('model') };
}

function knownOf<Known extends string>(all: readonly Known[], text: string): Known | undefined {
  return all[all.indexOf(text as Known)];
}

function factsOf({ text, number, count }: Reader): LedgerFacts {
  const why = knownOf(chosenWhys, text('why'));
  const policy = text('policy');
  const sharedFrom = text('sharedFrom');
  const serviceTier = text('serviceTier');
  return {
    ...(policy === '' ? {} : { policy }),
    ...(why === undefined ? {} : { why }),
    ...counted('tier', number('tier')),
    ...counted('carriedOn', count('carriedOn')),
    ...counted('batchedWith', number('batchedWith')),
    ...(sharedFrom === '' ? {} : { sharedFrom }),
    ...counted('sharedWith', number('sharedWith')),
    ...(serviceTier === '' ? {} : { serviceTier }),
  };
}

function counted<Name extends string>(name: Name, count: number): { readonly [name in Name]?: number } {
  return count === 0 ? {} : ({ [name]: count } as { readonly [name in Name]?: number });
}
