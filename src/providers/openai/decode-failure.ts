/** OpenAI's failures, by status and by what the body says. */

import type { JsonObject } from '../../core/call.ts';
import { type Failure, type FailureCode, fail } from '../../core/failure.ts';
import { asObject } from '../../core/json-object.ts';
import { asText } from './as-text.ts';

/** Our own trouble with an upstream's key or quota is never shown as the client's (G5). */
const byStatus: Readonly<Record<number, FailureCode>> = {
  401: 'upstream_unauthorized',
  402: 'upstream_rate_limited',
  403: 'upstream_unauthorized',
  404: 'upstream_model_missing',
  408: 'upstream_failed',
  413: 'body_too_large',
  429: 'upstream_rate_limited',
  502: 'upstream_failed',
  503: 'upstream_overloaded',
  529: 'upstream_overloaded',
};

const messageMax = 500;

export function decodeOpenaiFailure(status: number, body: string): Failure {
  return refusalOf(status, parseBody(body));
}

function refusalOf(status: number, body: JsonObject | undefined): Failure {
  const error = asObject(body?.['error']) ?? body;
  const message = saidIn(error);
  const code = codeFor(status, error);
  if (tooLarge.test(message) && status === 429) return fail('context_length_exceeded', tooLargeSays);
  if (code === 'upstream_rejected' || code === 'context_length_exceeded') {
    const param = asText(error?.['param']);
    return fail(code, message || `the upstream refused the request with ${status}`, {
      // What a client has said is a bad request, whatever it is called there.
      ...(code === 'upstream_rejected' ? { status: status === 403 ? 400 : status } : {}),
      ...(param === undefined ? {} : { param }),
    });
  }
  // An upstream's words about its own keys and hosts are for the log, not for the client.
  const cause = message === '' ? undefined : new Error(`the upstream said: ${message}`);
  return fail(code, described[code] ?? `the upstream failed with ${status}`, { cause });
}

function codeFor(status: number, error: JsonObject | undefined): FailureCode {
  if (isTooLong(status, error)) return 'context_length_exceeded';
  return status === 403 && isFlagged(error) ? 'upstream_rejected' : codeOf(status);
}

/** OpenAI's words where one request alone is more than it takes in a minute: however long anybody waits, it stays too large. */
const tooLarge = /^Request too large\b/;
const tooLargeSays =
  'the request is larger than what the upstream takes from the gateway in a minute: send less, or ask for a shorter answer';

/** OpenRouter refuses so what a request says: its key is well, and another request is taken. */
function isFlagged(error: JsonObject | undefined): boolean {
  return asObject(error?.['metadata'])?.['flagged_input'] !== undefined;
}

function codeOf(status: number): FailureCode {
  return byStatus[status] ?? (isRejection(status) ? 'upstream_rejected' : 'upstream_failed');
}

function isRejection(status: number): boolean {
  return status >= 400 && status < 500;
}

/** OpenAI has a code for it, llama.cpp a type, and vLLM nothing but OpenAI's words. */
function isTooLong(status: number, error: JsonObject | undefined): boolean {
  return (
    error?.['code'] === 'context_length_exceeded' ||
    (isRejection(status) &&
      (error?.['type'] === 'exceed_context_size_error' || /maximum context length/i.test(saidIn(error))))
  );
}

function saidIn(error: JsonObject | undefined): string {
  const said = asText(error?.['message']) ?? asText(error?.['detail']) ?? asText(error?.['error']) ?? '';
  return said.slice(0, messageMax);
}

const described: Partial<Record<FailureCode, string>> = {
  upstream_unauthorized: "the upstream refused the gateway's credentials; the operator has to mend its `key`",
  upstream_rate_limited: 'the upstream limits the gateway at the moment',
  upstream_overloaded: 'the upstream is overloaded',
  upstream_model_missing: 'the upstream does not have this model',
  body_too_large: 'the request is too large for the upstream',
};

/** What is told as an error after all, under a status that promised an answer: in a stream's event or a whole body. */
export function errorWithin(body: JsonObject): Failure {
  const error = asObject(body['error']) ?? body;
  const status = Number(error['code']);
  if (isRejection(status)) return refusalOf(status, body);
  return fail('upstream_failed', `the upstream broke off its answer: ${saidIn(error) || 'no reason given'}`);
}

/** Older vLLM servers write the error itself where the answer belongs. */
export function tellsError(body: JsonObject): boolean {
  return (body['error'] !== undefined && body['error'] !== null) || body['object'] === 'error';
}

function parseBody(body: string): JsonObject | undefined {
  try {
    return asObject(JSON.parse(body));
  } catch {
    // An HTML page or nothing at all: the status alone has to do.
    return undefined;
  }
}
