/** How the simple API speaks of failures: one sentence under `detail`, the code for programs, and the id to ask us about it. */
import type { RenderedFailure, Voice } from '../core/exchange.ts';
import type { Failure, FailureCode } from '../core/failure.ts';
import { failureHeaders } from './failure-headers.ts';
import { ietfStanding } from './standing-headers.ts';

/** Its clients know one time-out, whichever of our five clocks it was that ran out. */
const timeouts: ReadonlySet<FailureCode> = new Set([
  'connect_timeout',
  'first_token_timeout',
  'idle_timeout',
  'total_timeout',
  'queue_timeout',
]);

export const simpleVoice: Voice = {
  dialect: 'simple',
  renderFailure: (failure, id): RenderedFailure => ({
    status: timeouts.has(failure.code) ? 504 : failure.status,
    headers: failureHeaders(failure, 'application/json'),
    body: JSON.stringify({ detail: detailOf(failure), code: failure.code, request_id: id }),
  }),
  renderStreamFailure: (failure, id) =>
    `data: ${JSON.stringify({ error: { detail: detailOf(failure), code: failure.code, id } })}\n\n`,
  renderStanding: ietfStanding,
};

function detailOf(failure: Failure): string {
  return timeouts.has(failure.code) ? 'LLM timeout' : failure.message;
}
