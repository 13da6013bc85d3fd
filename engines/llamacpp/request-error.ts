/** A failure that the caller can understand, and its shape on the wire. */

/** Every failure that this server answers with, and the status and type that go with it. */
const failures = {
  invalid_request: { status: 400, type: 'invalid_request_error' },
  context_length_exceeded: { status: 400, type: 'invalid_request_error' },
  not_found: { status: 404, type: 'invalid_request_error' },
  method_not_allowed: { status: 405, type: 'invalid_request_error' },
  body_too_large: { status: 413, type: 'invalid_request_error' },
  engine_failed: { status: 500, type: 'server_error' },
  queue_full: { status: 503, type: 'server_error' },
} as const;

export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: keyof typeof failures;
  readonly param: string | null;

  constructor(
    message: string,
    about: { code?: keyof typeof failures; param?: string; cause?: unknown } = {},
  ) {
    super(message, { cause: about.cause });
    this.code = about.code ?? 'invalid_request';
    this.param = about.param ?? null;
  }

  get status(): number {
    return failures[this.code].status;
  }

  toJSON(): object {
    const { type } = failures[this.code];
    return { error: { message: this.message, type, param: this.param, code: this.code } };
  }
}

export function invalid(param: string, problem: string): RequestError {
  return new RequestError(`${param} ${problem}`, { param });
}

/** What went wrong inside is told on stderr; the caller learns the library's message, never a stack. */
export function asRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new RequestError(`the engine failed: ${message}`, { code: 'engine_failed', cause: error });
}
