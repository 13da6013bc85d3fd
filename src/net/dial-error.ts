/** Why an outgoing request came to nothing. Messages name host and port alone: paths and queries hold secrets. */

export type DialReason =
  /** The URL, or what its host resolves to, is not allowed. Nothing was sent. */
  | 'refused'
  /** Too many at once. */
  | 'busy'
  | 'unresolved'
  | 'unreachable'
  | 'tls'
  | 'timed_out'
  /** The caller's own signal. */
  | 'aborted'
  /** It ended without an answer, or in the middle of it. */
  | 'cut'
  | 'not_http'
  | 'redirected'
  | 'too_large';

export class DialError extends Error {
  readonly reason: DialReason;

  constructor(message: string, options: { readonly reason: DialReason; readonly cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DialError';
    this.reason = options.reason;
  }
}
