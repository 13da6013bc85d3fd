/** What a try told and said before it was left for another: it is priced when all is over. */
import type { Planned } from '../core/exchange.ts';
import type { Failure } from '../core/failure.ts';

export function leaveTry({ trail, call, carried }: Planned, { code }: Failure): void {
  const { upstream, targetModel, model, usage } = trail;
  if (upstream === '' || trail.sentMs === 0) return;
  const joint = carried?.joint;
  const begun = call.kind === 'embed' ? undefined : call.begun;
  trail.leftTries ??= [];
  trail.leftTries.push({
    upstream,
    targetModel,
    model,
    code,
    usage,
    outputSeen: trail.outputSeen + (joint?.tokensAgain ?? 0),
    handedTokens: Math.max(0, (joint?.hadTokens ?? 0) - (begun?.tokensAgain ?? 0)),
  });
  trail.sentMs = 0;
  trail.usage = undefined;
  trail.outputSeen = 0;
}
