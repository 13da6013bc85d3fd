/** A call as it is sent where what is left of a budget buys less than its answer may come to. */
import type { Call } from '../core/call.ts';
import type { Bound } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Usage } from '../core/part.ts';
import { answersOf } from './token-estimate.ts';

/** What the budget leaves is asked for and no more, so that the upstream itself stops what nobody here can see: hidden reasoning. */
export function boundedCall({ call, meter, target, trail }: Bound): Call {
  const tokens = meter?.bound(target.upstream.name, target.model);
  if (tokens === undefined || call.kind === 'embed') return call;
  const boundTokens = Math.max(1, Math.floor(tokens / answersOf(call)));
  trail.warn([`its answer was bounded to ${boundTokens} tokens, which is what a budget has left`]);
  return { ...call, sampling: { ...call.sampling, maxTokens: boundTokens }, boundTokens };
}

/** For a client that wants the answer whole: it sees all of it or a failure, never a part. */
export function cutByBudget(): Failure {
  return fail(
    'budget_exceeded',
    'the budget was used up before the answer was complete: it was cut there, and what came until then is paid for',
  );
}

/** Some servers leave the last token out when they count. */
const uncounted = 1;

/** Whether an answer that ended by its length did so at our bound, and not at one of its model's. */
export function endsAtBound({ boundTokens }: Call, usage: Usage | undefined): boolean {
  if (boundTokens === undefined) return false;
  return usage === undefined || usage.outputTokens + uncounted >= boundTokens;
}
