/** What clients may say in headers about how they want to be served. */
import type { Incoming } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';

type Headers = Incoming['headers'];

const deadlineHeader = 'x-millrace-deadline-ms';
const priorityHeader = 'x-millrace-priority';
const deadlineMsMax = 86_400_000;
export const priorityMax = 9;

/** After how long the answer is worth nothing to the client; nothing where it did not say. */
export function readDeadlineMs(headers: Headers): number | undefined {
  const said = headers[deadlineHeader];
  if (said === undefined) return undefined;
  const deadlineMs = wholeNumber(said);
  if (deadlineMs !== undefined && deadlineMs > 0 && deadlineMs <= deadlineMsMax) return deadlineMs;
  throw fail(
    'invalid_request',
    `\`${deadlineHeader}\` must be a whole number of milliseconds from 1 to ${deadlineMsMax}: how long the answer is of use`,
    { param: deadlineHeader },
  );
}

/** What a key's requests have, and what they may ask for. */
export interface PriorityRule {
  readonly usual: number;
  readonly max: number;
}

export interface Wish {
  readonly priority: number;
  /** Why it is not what was asked for. */
  readonly warning?: string;
}

/** Never refused for it: a request that asks for too much is served as one that asks for what it may have. */
export function readPriority(headers: Headers, { usual, max }: PriorityRule): Wish {
  const said = headers[priorityHeader];
  if (said === undefined) return { priority: usual };
  const asked = wholeNumber(said);
  if (asked === undefined || asked > priorityMax) {
    return {
      priority: usual,
      warning: `${priorityHeader} is not a whole number from 0 to ${priorityMax}: ignored`,
    };
  }
  if (asked <= max) return { priority: asked };
  return {
    priority: max,
    warning: `${priorityHeader} ${asked} was lowered to ${max}, which this key may have`,
  };
}

function wholeNumber(said: string | string[]): number | undefined {
  return typeof said === 'string' && /^\d{1,9}$/.test(said) ? Number(said) : undefined;
}
