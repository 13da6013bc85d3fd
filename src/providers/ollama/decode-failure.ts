/** What an error status of Ollama means. */
import { type Failure, type FailureCode, fail } from '../../core/failure.ts';
import { excerpt } from './excerpt.ts';

interface Meaning {
  readonly applies: (status: number, message: string) => boolean;
  readonly code: FailureCode;
}

/** The first that applies counts. */
const meanings: readonly Meaning[] = [
  { code: 'upstream_unauthorized', applies: (status) => status === 401 || status === 403 },
  {
    code: 'upstream_model_missing',
    applies: (status, message) => status === 404 && /\bmodel\b/i.test(message),
  },
  { code: 'upstream_rate_limited', applies: (status) => status === 429 },
  { code: 'upstream_overloaded', applies: (status) => status === 503 },
  {
    code: 'context_length_exceeded',
    applies: (status, message) =>
      isRejection(status) && /exceed\w* .*context (?:length|window|size)/i.test(message),
  },
  { code: 'upstream_rejected', applies: (status) => isRejection(status) },
];

export function decodeFailure(status: number, body: string): Failure {
  const message = readMessage(body);
  const code = meanings.find(({ applies }) => applies(status, message))?.code ?? 'upstream_failed';
  if (code === 'upstream_unauthorized') {
    // What it says about the gateway's own key or account is for the log, not for the client (G5).
    return fail(code, "the upstream refused the gateway's credentials; the operator has to mend its `key`", {
      cause: new Error(`the upstream said: ${message}`),
    });
  }
  const passesStatus = code === 'upstream_rejected';
  return fail(code, message === '' ? `the upstream answered ${status}` : message, {
    ...(passesStatus ? { status } : {}),
  });
}

/**
 * Not the request's fault: a 404 without a model in it is a server too old for the path or no Ollama at all, 408
 * and 499 are a server that gave up on what we did not give up on. Another one may do.
 */
const serverSide: ReadonlySet<number> = new Set([404, 408, 499]);

function isRejection(status: number): boolean {
  return status >= 400 && status < 500 && !serverSide.has(status);
}

function readMessage(body: string): string {
  return excerpt(errorText(body) ?? body);
}

function errorText(body: string): string | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null || !('error' in value)) return undefined;
    return typeof value.error === 'string' ? value.error : JSON.stringify(value.error);
  } catch {
    // Proxies in between answer in HTML or plain text, which is shown as it is.
    return undefined;
  }
}
