/** What was looked at is what is written down: whoever was put in between is looked at as well. */
import { Failure, fail } from '../core/failure.ts';

/** Throws why it may not be. Gives the version of the directory at which it may, where others had to be looked at. */
export type Check = () => Promise<number | undefined> | undefined;

/** Each is a look at everybody in a tenant. */
const looksMax = 5;

export async function writeAsChecked<T>(
  check: Check,
  write: (ifDirectory: number | undefined) => Promise<T>,
): Promise<T> {
  for (let looks = 1; ; looks += 1) {
    const at = await check();
    try {
      return await write(at);
    } catch (thrown) {
      const hasMoved = thrown instanceof Failure && thrown.code === 'precondition_failed';
      if (!hasMoved || at === undefined) throw thrown;
      if (looks === looksMax) throw moving(thrown);
    }
  }
}

/** Nobody has to read anything again for it: the same may be asked once more. */
function moving(cause: unknown): Error {
  const message = 'others change the directory so fast that nobody can tell whom this is about';
  return fail('dependency_unavailable', `${message}: nothing was changed, try again`, {
    retryAfterS: 1,
    cause,
  });
}
