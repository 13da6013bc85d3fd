/** What an exchange saved against the premium model, and by what: one cause each, so that nothing is counted twice. */
import type { LedgerRow, NanoUsd } from '../core/ledger.ts';

export type Saver = Exclude<LedgerRow['savedBy'], ''>;

export interface Saving {
  readonly savedNanoUsd: NanoUsd;
  readonly savedBy: LedgerRow['savedBy'];
}

/** Who answered: the gateway itself, a server of the operator's, or somebody who sends bills. */
export type AnsweredBy = 'cache' | 'own' | 'bill';

const savers: Readonly<Record<AnsweredBy, Saver>> = {
  cache: 'cache',
  own: 'self-hosting',
  bill: 'routing',
};

const nothing: Saving = { savedNanoUsd: 0, savedBy: '' };

/**
 * Whose saving it is: the last that stood between the client and the premium model. Whoever asks a billed upstream for
 * one of its models by that model's own name was routed by nobody.
 */
export function saverOf(
  by: AnsweredBy,
  served: { readonly upstream: string; readonly targetModel: string; readonly model: string },
): LedgerRow['savedBy'] {
  const { upstream, targetModel, model } = served;
  const named = model === targetModel || model === `${upstream}/${targetModel}`;
  return by === 'bill' && named ? '' : savers[by];
}

/** What the premium model would have cost more; nothing where it would have cost less. */
export function savingOf(
  savedBy: LedgerRow['savedBy'],
  costs: { readonly premiumNanoUsd: NanoUsd; readonly costNanoUsd: NanoUsd },
): Saving {
  const savedNanoUsd = costs.premiumNanoUsd - costs.costNanoUsd;
  return savedBy === '' || savedNanoUsd <= 0 ? nothing : { savedNanoUsd, savedBy };
}
