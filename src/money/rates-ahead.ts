/** What tokens will cost at a target, before it is asked. */
import type { TokenRates } from '../core/budget.ts';
import { ratesFor } from './cost-of.ts';
import type { Price } from './price.ts';

/** Nobody knows yet how much of the answer is reasoning, nor how much of the prompt was kept: it may be all, or none. */
export function ratesAhead(price: Price, inputTokens: number, asked?: string): TokenRates {
  const { input, cachedInput, output, reasoning } = ratesFor(price, inputTokens, { asked });
  return { inputPicoUsd: Math.max(input, cachedInput), outputPicoUsd: Math.max(output, reasoning) };
}
