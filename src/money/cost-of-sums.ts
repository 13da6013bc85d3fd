/** What the tokens of many exchanges would cost at one price. */
import type { LedgerHour, NanoUsd } from '../core/ledger.ts';
import type { Price } from './price.ts';

type TokenSums = Pick<LedgerHour, 'inputTokens' | 'cachedInputTokens' | 'outputTokens' | 'reasoningTokens'>;

/**
 * At its rates for a short input: how long each was is not in a sum, and no long one is cheaper. Rounded up once, where
 * exchanges one by one are each.
 */
export function costOfSums(sums: TokenSums, [{ rates }]: Price): NanoUsd {
  const cached = Math.min(sums.cachedInputTokens, sums.inputTokens);
  const reasoning = Math.min(sums.reasoningTokens, sums.outputTokens);
  const picoUsd =
    BigInt(sums.inputTokens - cached) * BigInt(rates.input) +
    BigInt(cached) * BigInt(rates.cachedInput) +
    BigInt(sums.outputTokens - reasoning) * BigInt(rates.output) +
    BigInt(reasoning) * BigInt(rates.reasoning);
  return Number((picoUsd + 999n) / 1_000n);
}
