/** What can go wrong, a class each: go by the class, or by `code` where it matters what exactly it was. */

export interface Told {
  readonly code: string;
  /** 0 where nothing was answered at all. */
  readonly status: number;
  /** In seconds, where waiting helps. */
  readonly retryAfterS?: number | undefined;
  /** What to name when you ask somebody about it. */
  readonly requestId?: string | undefined;
  /** The answer as it came. */
  readonly body?: unknown;
  readonly cause?: unknown;
}

export class MillraceError extends Error {
  readonly code: string;
  readonly status: number;
  readonly retryAfterS: number | undefined;
  readonly requestId: string | undefined;
  readonly body: unknown;

  constructor(message: string, told: Told) {
    super(message, told.cause === undefined ? undefined : { cause: told.cause });
    this.name = new.target.name;
    this.code = told.code;
    this.status = told.status;
    this.retryAfterS = told.retryAfterS;
    this.requestId = told.requestId;
    this.body = told.body;
  }
}

/** The request is not one that can be answered: 400, 413, 422 and their like. */
export class InvalidRequestError extends MillraceError {}
/** No key, or none that is known: 401. */
export class AuthenticationError extends MillraceError {}
/** The key may not do this: 403. */
export class PermissionError extends MillraceError {}
/** There is no such thing: 404. */
export class NotFoundError extends MillraceError {}
/** Somebody else was faster: 409, 412, 428. */
export class ConflictError extends MillraceError {}
/** Too many requests or tokens, or a budget is spent: 429. */
export class LimitError extends MillraceError {}
/** The gateway or what is behind it failed: 500 and above. */
export class ServerError extends MillraceError {}
/** Nothing was answered, or not all of it. */
export class ConnectionError extends MillraceError {}
/** It took longer than `timeoutMs`. */
export class TimeoutError extends ConnectionError {}

const byStatus: Readonly<Record<number, typeof MillraceError>> = {
  401: AuthenticationError,
  403: PermissionError,
  404: NotFoundError,
  409: ConflictError,
  412: ConflictError,
  428: ConflictError,
  429: LimitError,
};

export function errorOf(message: string, told: Told): MillraceError {
  const Kind = byStatus[told.status] ?? (told.status >= 500 ? ServerError : InvalidRequestError);
  return new Kind(message, told);
}
