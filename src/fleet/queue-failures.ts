/** What is told to whom the queue has no place for, or no slot in time: with when it is worth coming again. */
import { type Failure, fail, type QueueStanding } from '../core/failure.ts';

/** Where it is not known how fast the queue moves. */
const fullUnlearntS = 2;
const timeoutUnlearntS = 5;
const retryMaxS = 60;

export function queueFull(message: string, queue: QueueStanding): Failure {
  return fail('queue_full', message, { queue, retryAfterS: retryAfterS(queue.expectedMs, fullUnlearntS) });
}

export function queueTimeout(waitMs: number, queue: QueueStanding): Failure {
  const message =
    waitMs > 0
      ? `no slot became free within ${Math.round(waitMs)} ms`
      : 'it can no longer be answered within its deadline';
  return fail('queue_timeout', message, {
    queue,
    retryAfterS: retryAfterS(queue.expectedMs, timeoutUnlearntS),
  });
}

function retryAfterS(drainMs: number | undefined, unlearntS: number): number {
  if (drainMs === undefined) return unlearntS;
  return Math.min(retryMaxS, Math.max(1, Math.ceil(drainMs / 1_000)));
}
