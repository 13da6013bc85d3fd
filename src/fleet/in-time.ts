/** Until when it is worth a request's while to wait for its slot. */
import type { Target } from '../core/exchange.ts';
import type { Want } from '../core/fleet.ts';

interface Fastness {
  /** 0 where nothing is known. */
  leastMs(target: Target, answerTokens: number): number;
}

/**
 * Begun later than this it would not be over by its deadline, were it served as fast as anything like it was seen to be
 * anywhere lately. What is usual does not count: whoever may be quicker than usual is not sent away for it.
 */
export function inTimeUntilMs(want: Want, learnt: Fastness): number {
  const { candidates, visited, deadlineMs } = want;
  if (deadlineMs === Number.POSITIVE_INFINITY) return deadlineMs;
  let fastestMs = Number.POSITIVE_INFINITY;
  for (const target of candidates) {
    if (!visited.has(target.upstream.name))
      fastestMs = Math.min(fastestMs, learnt.leastMs(target, want.answerTokens));
  }
  return deadlineMs - (fastestMs === Number.POSITIVE_INFINITY ? 0 : fastestMs);
}
