/** Who was given a slot for which others waited, and where that counts until it is known what it came to. */
import type { Ending, Want } from '../core/fleet.ts';
import type { Charge } from './line.ts';

export interface Charged {
  readonly of: Pick<Want, 'tokens' | 'answerTokens'>;
  readonly charges: readonly Charge[];
}

/** The slot is given back. */
export function settle(charged: Charged | undefined, ending: Ending): void {
  if (charged === undefined || charged.charges.length === 0) return;
  const tokens = cameTo(charged.of, ending);
  for (const charge of charged.charges) charge.settle(tokens);
}

/** What a request came to, as far as that is known. What a server failed is nobody's. */
function cameTo({ tokens, answerTokens }: Charged['of'], { outcome, outputTokens }: Ending): number {
  if (outputTokens > 0) return tokens - answerTokens + outputTokens;
  if (outcome === 'served') return tokens;
  return outcome === 'left' ? tokens - answerTokens : 0;
}
