/** What an error of PostgreSQL, or of the way there, is to the gateway: an outage, or our own bug. */
import { Failure } from '../../core/failure.ts';
import { unavailable } from '../sql/outage.ts';

interface Outage {
  readonly says: string;
  /** Whether the connection is of no more use: to wait for a rollback on it would only take longer. */
  readonly lost: boolean;
}

/** By SQLSTATE, or by its class where that is all of one kind. */
const bySqlState: Readonly<Record<string, Outage>> = {
  '08': { says: 'is out of reach', lost: true },
  '28': { says: 'refused our credentials', lost: true },
  '3D': { says: 'does not have the database', lost: true },
  // A server that was failed over from, or a standby: the next connection may reach the new one.
  '25006': { says: 'is read-only', lost: true },
  '40': { says: 'asked to try again', lost: false },
  '53': { says: 'has no more room', lost: false },
  '53300': { says: 'has too many connections', lost: true },
  '55P03': { says: 'kept us waiting for a lock', lost: false },
  '57014': { says: 'took too long', lost: false },
  '57P01': { says: 'is shutting down', lost: true },
  '57P02': { says: 'has crashed', lost: true },
  '57P03': { says: 'is starting up', lost: true },
  '57P04': { says: 'has dropped the database', lost: true },
  '57P05': { says: 'closed an idle connection', lost: true },
  '58': { says: 'cannot read or write its files', lost: false },
};

/** What the socket says, and Node of it. */
const bySocketCode: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EMFILE',
  'ENFILE',
  'ENOENT',
  'EACCES',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** pg has no codes for its own: it says these. */
const byMessage: readonly (readonly [RegExp, string])[] = [
  [/^SASL/, 'refused our credentials'],
  [/^The server does not support SSL|certificate|Hostname\/IP does not match/i, 'cannot be reached safely'],
  [/^(?:Query read timeout|timeout expired)/, 'does not answer'],
  [
    /^(?:Connection terminated|Client has encountered a connection error|Client was closed)/,
    'is out of reach',
  ],
];

export interface Judged {
  readonly error: Error;
  readonly lost: boolean;
}

export function judge(thrown: unknown): Judged {
  if (thrown instanceof Failure) return { error: thrown, lost: false };
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const outage = outageOf(error);
  if (outage === undefined) return { error, lost: false };
  return { error: unavailable(`PostgreSQL ${outage.says}`, error), lost: outage.lost };
}

export function lacksTable(error: unknown): boolean {
  return codeOf(error) === '42P01';
}

/** Asked again elsewhere it would only take as long there. */
export function tookTooLong(error: unknown): boolean {
  return error instanceof Failure && codeOf(error.cause) === '57014';
}

function outageOf(error: Error): Outage | undefined {
  const code = codeOf(error);
  const known = bySqlState[code] ?? (code.length === 5 ? bySqlState[code.slice(0, 2)] : undefined);
  if (known !== undefined) return known;
  if (bySocketCode.has(code)) return { says: 'is out of reach', lost: true };
  const [, says] = byMessage.find(([message]) => message.test(error.message)) ?? [];
  return says === undefined ? undefined : { says, lost: true };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
