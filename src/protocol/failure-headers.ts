/** The headers every dialect's failures share. */
import type { Failure } from '../core/failure.ts';

/** Official clients wait for as long as they are told up to here; what is longer they take for nothing said. */
const clientWaitsS = 60;

/**
 * Official clients retry 408, 409, 429 and 5xx twice by themselves. After our own attempts are spent that only
 * multiplies the storm, so they are told not to, except where waiting helps, and for as long as they wait (G17).
 */
export function failureHeaders(failure: Failure, contentType: string): string[] {
  const headers = ['content-type', contentType];
  if (failure.retryAfterS !== undefined) {
    headers.push('retry-after', String(Math.max(1, Math.ceil(failure.retryAfterS))));
  }
  headers.push(...queueStanding(failure));
  // A budget comes back with its next window: nothing that a client should sit and try for.
  const { retryAfterS = clientWaitsS, code } = failure;
  const waitingHelps = retryAfterS < clientWaitsS && code !== 'budget_exceeded';
  if (isRetried(failure.status)) headers.push('x-should-retry', String(waitingHelps));
  if (failure.code === 'invalid_api_key')
    headers.push(
      'www-authenticate',
      failure.nothingSent === true ? challenge : `${challenge}, error="invalid_token"`,
    );
  if (failure.allow !== undefined) headers.push('allow', failure.allow);
  return headers;
}

/** As in the head of a stream that waits. */
function queueStanding({ queue }: Failure): readonly string[] {
  if (queue === undefined) return [];
  const position = ['x-millrace-queue-position', String(queue.position)];
  if (queue.expectedMs === undefined) return position;
  return [...position, 'x-millrace-queue-expected-ms', String(Math.round(queue.expectedMs))];
}

function isRetried(status: number): boolean {
  return status >= 500 || status === 429 || status === 408;
}

/** RFC 6750: who sent nothing is told what to send, and no error. */
const challenge = 'Bearer realm="millrace"';
