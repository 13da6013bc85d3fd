/**
 * What an exchange came to that several targets worked on: the question was asked of each of them, with what was said
 * before behind it. Whoever broke off told nothing, so that theirs is counted; the last one's is told, or counted as well.
 */
import type { Usage } from '../core/part.ts';
import type { CarriedOnRecord, Trail } from '../core/trail.ts';

export interface LegUsage {
  readonly upstream: string;
  readonly targetModel: string;
  /** As clients call it. */
  readonly model: string;
  readonly usage: Usage;
}

/** Of those who said a part of what the client has, all but the last. `question` is how many tokens that has. */
export function earlierUsage({ carriedOn = [], model }: Trail, question: number): readonly LegUsage[] {
  return carriedOn.map((record, index) => {
    const before = carriedOn[index - 1];
    return {
      upstream: record.upstream,
      targetModel: record.model,
      model,
      usage: {
        inputTokens: question + handedOver(before),
        outputTokens: record.atTokens - handedOver(before),
      },
    };
  });
}

/** The question alone, by what the last one told of it where it did. */
export function questionTokens({ carriedOn = [], usage }: Trail, promptTokens: number): number {
  return usage === undefined ? promptTokens : Math.max(0, usage.inputTokens - handedOver(carriedOn.at(-1)));
}

/** How much of the answer stood in the question of whoever went on with it. */
export function handedOver(record: CarriedOnRecord | undefined): number {
  return record === undefined ? 0 : Math.max(0, record.atTokens - record.tokensAgain);
}

/** All that was asked and said, by whomever: what it costs, and what limits and budgets count. */
export function allUsage(last: Usage | undefined, earlier: readonly LegUsage[]): Usage {
  return earlier.reduce<Usage>((all, { usage }) => added(all, usage), last ?? nothing);
}

const nothing: Usage = { inputTokens: 0, outputTokens: 0 };

function added(all: Usage, more: Usage): Usage {
  const cachedTokens = (all.cachedTokens ?? 0) + (more.cachedTokens ?? 0);
  const reasoningTokens = (all.reasoningTokens ?? 0) + (more.reasoningTokens ?? 0);
  return {
    ...all,
    inputTokens: all.inputTokens + more.inputTokens,
    outputTokens: all.outputTokens + more.outputTokens,
    ...(cachedTokens === 0 ? {} : { cachedTokens }),
    ...(reasoningTokens === 0 ? {} : { reasoningTokens }),
  };
}
