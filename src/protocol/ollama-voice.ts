/** How Ollama's dialect speaks of failures: one text under `error`, on its own line inside a stream. */
import type { RenderedFailure, Voice } from '../core/exchange.ts';
import type { Failure } from '../core/failure.ts';
import { failureHeaders } from './failure-headers.ts';
import { ietfStanding } from './standing-headers.ts';

export const ollamaVoice: Voice = {
  dialect: 'ollama',
  renderFailure: (failure, id): RenderedFailure => ({
    status: failure.status,
    headers: failureHeaders(failure, 'application/json; charset=utf-8'),
    body: envelope(failure, id),
  }),
  renderStreamFailure: (failure, id) => `${envelope(failure, id)}\n`,
  renderStanding: ietfStanding,
};

/** Ollama's clients read `error` alone and demand a string; the id beside it is for the person who asks us why. */
function envelope(failure: Failure, id: string): string {
  return JSON.stringify({ error: failure.message, request_id: id });
}
