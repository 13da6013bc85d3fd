/** OpenAI's failures, by status and by what the body says. */
import type { JsonObject } from '../../core/call.ts';
import { type Failure, type FailureCode, fail } from '../../core/failure.ts';
import { asObject, asText } from './decode.ts';

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
  const error = parseError(body);
  const message = (asText(error?.['message']) ?? asText(error?.['detail']) ?? '').slice(0, messageMax);
  if (asText(error?.['code']) === 'context_length_exceeded') return fail('context_length_exceeded', message);
  const code = byStatus[status] ?? (status < 500 ? 'upstream_rejected' : 'upstream_failed');
  const param = asText(error?.['param']);
  if (code === 'upstream_rejected') {
    return fail(code, message || `the upstream refused the request with ${status}`, {
      status,
      ...(param === undefined ? {} : { param }),
    });
  }
  // An upstream's words about its own keys and hosts are for the log, not for the client.
  const cause = message === '' ? undefined : new Error(`the upstream said: ${message}`);
  return fail(code, described[code] ?? `the upstream failed with ${status}`, { cause });
}

const described: Partial<Record<FailureCode, string>> = {
  upstream_unauthorized: "the upstream refused the gateway's credentials; the operator has to mend its `key`",
  upstream_rate_limited: 'the upstream limits the gateway at the moment',
  upstream_overloaded: 'the upstream is overloaded',
  upstream_model_missing: 'the upstream does not have this model',
  body_too_large: 'the request is too large for the upstream',
};

/** An error event within a stream that began with 200. */
export function streamFailure(chunk: JsonObject): Failure {
  const error = asObject(chunk['error']) ?? chunk;
  const message = (asText(error['message']) ?? asText(chunk['error']) ?? 'no reason given').slice(
    0,
    messageMax,
  );
  return fail('upstream_failed', `the upstream broke off its answer: ${message}`);
}

function parseError(body: string): JsonObject | undefined {
  try {
    const parsed = asObject(JSON.parse(body));
    return asObject(parsed?.['error']) ?? parsed;
  } catch {
    // An HTML page or nothing at all: the status alone has to do.
    return undefined;
  }
}
