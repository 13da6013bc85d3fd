/**
 * What a stream came to that several targets said: the question was asked of each of them, with what was said before
 * behind it. Whoever broke off told nothing, so that theirs is counted; the last one's is told, or counted as well.
 */
import type { Usage } from '../core/part.ts';
import type { CarriedOnRecord, Trail } from '../core/trail.ts';

export interface LegUsage {
  readonly upstream: string;
  readonly targetModel: string;
  readonly usage: Usage;
}

/** Of all but the last. `promptTokens` is what the question alone is thought to have. */
export function earlierUsage({ carriedOn = [], usage }: Trail, promptTokens: number): readonly LegUsage[] {
  const question =
    usage === undefined ? promptTokens : Math.max(0, usage.inputTokens - handedOver(carriedOn.at(-1)));
  return carriedOn.map((record, index) => {
    const before = carriedOn[index - 1];
    return {
      upstream: record.upstream,
      targetModel: record.model,
      usage: {
        inputTokens: question + handedOver(before),
        outputTokens: record.atTokens - handedOver(before),
      },
    };
  });
}

/** How much of the answer stood in the question of whoever went on with it. */
export function handedOver(record: CarriedOnRecord | undefined): number {
  return record === undefined ? 0 : Math.max(0, record.atTokens - record.tokensAgain);
}

/** All that was asked and said, by whomever: what it costs, and what limits and budgets count. */
export function allUsage(last: Usage, earlier: readonly LegUsage[]): Usage {
  let { inputTokens, outputTokens } = last;
  for (const { usage } of earlier) {
    inputTokens += usage.inputTokens;
    outputTokens += usage.outputTokens;
  }
  return { ...last, inputTokens, outputTokens };
}
