/** The headers every dialect's failures share. */
import type { Failure } from '../core/failure.ts';

/**
 * Official clients retry 408, 409, 429 and 5xx twice by themselves. After our own attempts are spent that only
 * multiplies the storm, so they are told not to, except where waiting helps (G17).
 */
export function failureHeaders(failure: Failure, contentType: string): string[] {
  const headers = ['content-type', contentType];
  if (failure.retryAfterS !== undefined) {
    headers.push('retry-after', String(Math.max(1, Math.ceil(failure.retryAfterS))));
  }
  // A budget comes back with its next window: nothing that a client should sit and try for.
  const waitingHelps = failure.retryAfterS !== undefined && failure.code !== 'budget_exceeded';
  if (!waitingHelps && (failure.status >= 500 || failure.status === 429 || failure.status === 408)) {
    headers.push('x-should-retry', 'false');
  }
  if (failure.code === 'invalid_api_key')
    headers.push(
      'www-authenticate',
      failure.nothingSent === true ? challenge : `${challenge}, error="invalid_token"`,
    );
  if (failure.allow !== undefined) headers.push('allow', failure.allow);
  return headers;
}

/** RFC 6750: who sent nothing is told what to send, and no error. */
const challenge = 'Bearer realm="millrace"';
