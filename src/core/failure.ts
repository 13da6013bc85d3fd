/** Every failure that exists, as one closed table. Dialects decide how one looks on the wire, never what it is. */

export interface FailureKind {
  /** The status on the wire unless a dialect overrides it. */
  readonly status: number;
  /** Whose fault it is: drives the log level, the upstream's health and a metric label. */
  readonly blame: 'client' | 'policy' | 'gateway' | 'upstream';
  /** Whether another candidate may succeed where this one failed. */
  readonly retry: boolean;
}

export const failures = {
  invalid_request: { status: 400, blame: 'client', retry: false },
  invalid_json: { status: 400, blame: 'client', retry: false },
  unsupported: { status: 400, blame: 'client', retry: false },
  context_length_exceeded: { status: 400, blame: 'client', retry: false },
  invalid_api_key: { status: 401, blame: 'client', retry: false },
  forbidden: { status: 403, blame: 'client', retry: false },
  not_found: { status: 404, blame: 'client', retry: false },
  model_not_found: { status: 404, blame: 'client', retry: false },
  method_not_allowed: { status: 405, blame: 'client', retry: false },
  conflict: { status: 409, blame: 'client', retry: false },
  idempotency_in_flight: { status: 409, blame: 'client', retry: false },
  idempotency_mismatch: { status: 422, blame: 'client', retry: false },
  precondition_failed: { status: 412, blame: 'client', retry: false },
  precondition_required: { status: 428, blame: 'client', retry: false },
  request_timeout: { status: 408, blame: 'client', retry: false },
  length_required: { status: 411, blame: 'client', retry: false },
  body_too_large: { status: 413, blame: 'client', retry: false },
  uri_too_long: { status: 414, blame: 'client', retry: false },
  unsupported_media_type: { status: 415, blame: 'client', retry: false },
  headers_too_large: { status: 431, blame: 'client', retry: false },
  reader_too_slow: { status: 408, blame: 'client', retry: false },
  client_gone: { status: 499, blame: 'client', retry: false },

  rate_limited: { status: 429, blame: 'policy', retry: false },
  budget_exceeded: { status: 429, blame: 'policy', retry: false },
  queue_full: { status: 429, blame: 'policy', retry: false },
  queue_timeout: { status: 503, blame: 'policy', retry: false },
  poison_suspected: { status: 502, blame: 'policy', retry: false },

  no_upstream: { status: 503, blame: 'gateway', retry: false },
  memory_full: { status: 503, blame: 'gateway', retry: false },
  server_draining: { status: 503, blame: 'gateway', retry: false },
  dependency_unavailable: { status: 503, blame: 'gateway', retry: false },
  internal: { status: 500, blame: 'gateway', retry: false },

  connect_failed: { status: 502, blame: 'upstream', retry: true },
  connect_timeout: { status: 504, blame: 'upstream', retry: true },
  tls_error: { status: 502, blame: 'upstream', retry: true },
  first_token_timeout: { status: 504, blame: 'upstream', retry: true },
  idle_timeout: { status: 504, blame: 'upstream', retry: true },
  total_timeout: { status: 504, blame: 'upstream', retry: false },
  upstream_cut: { status: 502, blame: 'upstream', retry: true },
  upstream_failed: { status: 502, blame: 'upstream', retry: true },
  upstream_overloaded: { status: 503, blame: 'upstream', retry: true },
  upstream_rate_limited: { status: 429, blame: 'upstream', retry: true },
  upstream_unauthorized: { status: 502, blame: 'upstream', retry: true },
  upstream_model_missing: { status: 404, blame: 'upstream', retry: true },
  upstream_rejected: { status: 400, blame: 'client', retry: false },
  bad_upstream_response: { status: 502, blame: 'upstream', retry: true },
  response_too_large: { status: 502, blame: 'upstream', retry: false },
  // It is well, and is to have less to do: what it began is gone on with elsewhere.
  upstream_draining: { status: 503, blame: 'gateway', retry: true },
  // It answered, and not with the rest of what was begun elsewhere: it is well, and its model may say so another time.
  not_continued: { status: 502, blame: 'gateway', retry: true },
} as const satisfies Record<string, FailureKind>;

export type FailureCode = keyof typeof failures;

/** How a queue stands for whoever comes now. */
export interface QueueStanding {
  /** Where it would stand: behind all who wait. */
  readonly position: number;
  /** How long it would most likely wait, if anybody knows. */
  readonly expectedMs: number | undefined;
}

export interface FailureDetails {
  readonly cause?: unknown;
  /** The field of the request that is to blame, as a path: `messages[3].content`. */
  readonly param?: string | undefined;
  readonly retryAfterS?: number | undefined;
  /** Of a queue that had no place, or no slot in time. */
  readonly queue?: QueueStanding | undefined;
  /** Replaces the table's status where an upstream's own 4xx is passed on. */
  readonly status?: number;
  /** The methods that the path takes instead, as the Allow header lists them. */
  readonly allow?: string | undefined;
  /** Whether no credential was sent at all, where one was needed. */
  readonly nothingSent?: boolean | undefined;
}

export class Failure extends Error {
  readonly code: FailureCode;
  readonly status: number;
  readonly param: string | undefined;
  readonly retryAfterS: number | undefined;
  readonly queue: QueueStanding | undefined;
  readonly allow: string | undefined;
  readonly nothingSent: boolean | undefined;

  constructor(message: string, options: FailureDetails & { code: FailureCode }) {
    super(bounded(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Failure';
    this.code = options.code;
    this.status = options.status ?? failures[options.code].status;
    this.param = options.param === undefined ? undefined : bounded(options.param);
    this.retryAfterS = options.retryAfterS;
    this.queue = options.queue;
    this.allow = options.allow;
    this.nothingSent = options.nothingSent;
  }

  /** The same failure, told otherwise. */
  with(changes: FailureDetails & { readonly message?: string }): Failure {
    const { code, status, param, retryAfterS, queue, allow, nothingSent, cause } = this;
    const details = { code, status, param, retryAfterS, queue, allow, nothingSent, cause, ...changes };
    return new Failure(changes.message ?? this.message, details);
  }

  get blame(): FailureKind['blame'] {
    return failures[this.code].blame;
  }

  get retry(): boolean {
    return failures[this.code].retry;
  }
}

const charsMax = 1_000;

/** Messages quote what a client or an upstream sent, which may be megabytes; they end up in answers and logs. */
function bounded(text: string): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1).toWellFormed()}…`;
}

export function fail(code: FailureCode, message: string, details: FailureDetails = {}): Failure {
  return new Failure(message, { code, ...details });
}

/** What was thrown, as a failure: anything that is not one already is our own bug and says so. */
export function asFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  return fail('internal', 'the gateway made a mistake; its log has the reason under this id', {
    cause: thrown,
  });
}
