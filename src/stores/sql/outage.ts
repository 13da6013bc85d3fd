/** A database that cannot be used now, through no fault of what was asked of it. */
import { Failure, fail } from '../../core/failure.ts';

export function unavailable(message: string, cause?: unknown): Failure {
  return fail('dependency_unavailable', message, { cause, retryAfterS: 1 });
}

export function isOutage(error: unknown): error is Failure {
  return error instanceof Failure && error.code === 'dependency_unavailable';
}
