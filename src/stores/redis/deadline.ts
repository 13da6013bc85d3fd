/** An answer within its time, or none. */
import type { Clock } from '../../lib/clock.ts';
import { RedisError } from './fault.ts';

/** A timer may be so much late without anything being wrong. */
const lateMsMax = 20;

/**
 * Later than due, because this process had other things to do, is no fault of the server's: then it gets as much time
 * again, once, and what has already come is always read first.
 */
export function withinDeadline<T>(answer: Promise<T>, clock: Clock, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const dueMs = clock.now() + timeoutMs;
    const expire = () => setImmediate(reject, new RedisError('timeout', { detail: `${timeoutMs} ms` }));
    let timer = clock.after(timeoutMs, () => {
      const lateMs = clock.now() - dueMs;
      if (lateMs <= lateMsMax) expire();
      else timer = clock.after(Math.min(lateMs, timeoutMs), expire);
    });
    answer.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (thrown) => {
        timer.cancel();
        reject(thrown);
      },
    );
  });
}
