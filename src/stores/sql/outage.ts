/** A database that cannot be used now, through no fault of what was asked of it. */
import { Failure, fail } from '../../core/failure.ts';

export function unavailable(message: string, cause?: unknown): Failure {
  return fail('dependency_unavailable', message, { cause, retryAfterS: 1 });
}

/**
 * For operators, in the log and by `doctor`: with what the database or the socket said. Clients are told the message
 * alone, because the rest names hosts, ports and users.
 */
export function sayOutage(error: Error): string {
  const { message, cause } = error;
  const reason = isOutage(error) && cause instanceof Error ? reasonOf(cause) : '';
  return reason === '' || message.includes(reason) ? message : `${message}: ${reason}`;
}

/** Where a name has several addresses Node says nothing of its own. */
function reasonOf(error: Error): string {
  if (error.message !== '') return error.message;
  const [first] = error instanceof AggregateError ? error.errors : [];
  if (first instanceof Error) return first.message;
  return 'code' in error ? String(error.code) : '';
}

export function isOutage(error: unknown): error is Failure {
  return error instanceof Failure && error.code === 'dependency_unavailable';
}
