/** One attempt over HTTP: what a receiver's answer means. */
import type { Clock } from '../lib/clock.ts';
import { DialError } from '../net/dial-error.ts';
import type { Dialer } from '../net/dialer.ts';
import type { OutgoingAnswer } from '../net/outgoing-request.ts';
import type { Attempt } from './alert.ts';

const timeoutMs = 15_000;
const bodyBytesMax = 64 * 1024;

export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** Their URLs are secrets: they stand in the file, or an owner has referred to them. */
const fixed = { method: 'POST', namedBy: 'operator', larger: 'cut', timeoutMs, bodyBytesMax } as const;

export async function sendPost(
  { url, headers, body, signal }: Post,
  { dialer, clock }: { dialer: Dialer; clock: Clock },
): Promise<Attempt> {
  const ours = { 'content-type': 'application/json', 'user-agent': 'millrace', ...headers };
  try {
    return attemptOf(await dialer.request(url, { ...fixed, headers: ours, body, signal }), clock.wall());
  } catch (thrown) {
    if (thrown instanceof DialError) return { outcome: 'failed', says: thrown.message };
    throw thrown;
  }
}

function attemptOf({ status, headers }: OutgoingAnswer, nowMs: number): Attempt {
  if (status >= 200 && status < 300) return { outcome: 'taken' };
  if (status === 410) return { outcome: 'gone', says: 'it answered 410: it wants no more' };
  const retryAfterMs = readRetryAfter(headers['retry-after'], nowMs);
  const says = `it answered with status ${status}`;
  return { outcome: 'failed', says, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** Seconds, or a date. */
function readRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
