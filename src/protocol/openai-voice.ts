/** How OpenAI's dialect speaks of failures. */
import type { RenderedFailure, Voice } from '../core/exchange.ts';
import type { Failure, FailureCode } from '../core/failure.ts';
import { failureHeaders } from './failure-headers.ts';
import { openaiEvent } from './openai-reply.ts';
import { openaiStanding } from './standing-headers.ts';

/** Codes that OpenAI's clients know by another name, and the types they switch on. */
const names: Partial<Record<FailureCode, { type?: string; code?: string }>> = {
  invalid_api_key: { type: 'invalid_request_error', code: 'invalid_api_key' },
  forbidden: { type: 'permission_error' },
  rate_limited: { type: 'requests', code: 'rate_limit_exceeded' },
  budget_exceeded: { type: 'insufficient_quota', code: 'insufficient_quota' },
  queue_full: { type: 'requests', code: 'rate_limit_exceeded' },
  upstream_rate_limited: { type: 'requests', code: 'rate_limit_exceeded' },
  upstream_model_missing: { type: 'invalid_request_error', code: 'model_not_found' },
  upstream_rejected: { type: 'invalid_request_error' },
};

export const openaiVoice: Voice = {
  dialect: 'openai',
  renderFailure: (failure, id): RenderedFailure => ({
    status: failure.status,
    headers: [...failureHeaders(failure, 'application/json'), ...exactWait(failure)],
    body: JSON.stringify({ error: envelope(failure, id) }),
  }),
  renderStreamFailure: (failure, id) => openaiEvent({ error: envelope(failure, id) }),
  renderStanding: openaiStanding,
};

/** Its clients read this before `retry-after`, which knows whole seconds alone. */
function exactWait({ retryAfterS }: Failure): readonly string[] {
  return retryAfterS === undefined
    ? []
    : ['retry-after-ms', String(Math.max(1, Math.ceil(retryAfterS * 1_000)))];
}

function envelope(failure: Failure, id: string) {
  const known = names[failure.code];
  const type = known?.type ?? (failure.status < 500 ? 'invalid_request_error' : 'server_error');
  return {
    message: failure.message,
    type,
    param: failure.param ?? null,
    code: known?.code ?? failure.code,
    request_id: id,
  };
}
