/** Until when it is worth a request's while to wait for its slot, and until when it is worth a server's. */
import type { Target } from '../core/exchange.ts';
import type { Want } from '../core/fleet.ts';
import type { Learnt } from './learnt.ts';

interface Waits {
  readonly sinceMs: number;
  /** When it can wait no longer. */
  readonly untilMs: number;
}

/** An answer may take so many times what one of its likely length usually takes. */
const likelyTimes = 2;
/** Until it has waited for that part of the time that it can wait at all nobody goes before it for having more. */
const keepsPlaceShare = 0.5;

/**
 * Begun later than this it would not be over by its deadline, were it served as fast as anything like it was seen to be
 * anywhere lately. What is usual does not count: whoever may be quicker than usual is not sent away for it.
 */
export function inTimeUntilMs(want: Want, learnt: Pick<Learnt, 'leastMs'>): number {
  const { deadlineMs, answerTokens } = want;
  if (deadlineMs === Number.POSITIVE_INFINITY) return deadlineMs;
  return deadlineMs - soonest(want, (target) => learnt.leastMs(target, answerTokens));
}

/** And later than this it may well not be over by then, though it might: others that will be go first. */
export function likelyInTimeUntilMs(
  want: Want,
  { sinceMs, untilMs }: Waits,
  learnt: Pick<Learnt, 'likelyMs'>,
): number {
  const { deadlineMs, answerTokens } = want;
  if (deadlineMs === Number.POSITIVE_INFINITY) return deadlineMs;
  const likelyMs = soonest(want, (target) => learnt.likelyMs(target, answerTokens));
  const keepsPlaceUntilMs = sinceMs + (untilMs - sinceMs) * keepsPlaceShare;
  return Math.max(keepsPlaceUntilMs, deadlineMs - likelyMs * likelyTimes);
}

/** 0 where nobody may be asked. */
function soonest({ candidates, visited }: Want, msOf: (target: Target) => number): number {
  let least = Number.POSITIVE_INFINITY;
  for (const target of candidates) {
    if (!visited.has(target.upstream.name)) least = Math.min(least, msOf(target));
  }
  return least === Number.POSITIVE_INFINITY ? 0 : least;
}
