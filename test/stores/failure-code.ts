/** For `assert.rejects`: a failure of this kind and no other. */
import { Failure, type FailureCode } from '../../src/core/failure.ts';

export function hasCode(code: FailureCode): (error: unknown) => boolean {
  return (error) => error instanceof Failure && error.code === code;
}
