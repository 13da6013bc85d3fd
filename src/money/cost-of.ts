/** What an exchange costs: its tokens at their rates, in whole billionths of a dollar, rounded up once. */
import type { NanoUsd } from '../core/ledger.ts';
import type { PicoUsd, Price, Rates } from './price.ts';

/** As upstreams count them: what was kept, is kept from now on, or is hidden is a part of input and output. */
export interface TokenCounts {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens?: number;
  readonly cacheWriteTokens?: number;
  readonly reasoningTokens?: number;
}

export interface CostFacts {
  /** Whether it was work that may wait for a day. */
  readonly batch?: boolean;
}

/** No upstream answers a request of so many tokens; with it, no cost leaves the whole numbers. */
const tokensMax = 100_000_000;

/** Never negative, whatever was counted (U18). */
export function costOf(counts: TokenCounts, price: Price, facts: CostFacts = {}): NanoUsd {
  const input = sound(counts.inputTokens);
  const output = sound(counts.outputTokens);
  const cached = Math.min(sound(counts.cachedTokens), input);
  const written = Math.min(sound(counts.cacheWriteTokens), input - cached);
  const reasoning = Math.min(sound(counts.reasoningTokens), output);
  const rates = ratesFor(price, input, facts);
  return roundedUp([
    [input - cached - written, rates.input],
    [cached, rates.cachedInput],
    [written, rates.cacheWrite],
    [output - reasoning, rates.output],
    [reasoning, rates.reasoning],
  ]);
}

/** What is wrong with the counts, in words for the operator; nothing when they can be right. */
export function doubtOf(counts: TokenCounts): string | undefined {
  const { inputTokens, outputTokens, cachedTokens = 0, cacheWriteTokens = 0, reasoningTokens = 0 } = counts;
  const all = [inputTokens, outputTokens, cachedTokens, cacheWriteTokens, reasoningTokens];
  if (all.some((count) => !(count >= 0))) return 'it counted fewer than no tokens';
  // Those who read answers let no more through.
  if (all.some((count) => count >= tokensMax)) return `it counted ${tokensMax} tokens or more`;
  if (cachedTokens + cacheWriteTokens > inputTokens) {
    return `it kept ${cachedTokens + cacheWriteTokens} of ${inputTokens} input tokens`;
  }
  if (reasoningTokens > outputTokens) return `it hid ${reasoningTokens} of ${outputTokens} output tokens`;
  return undefined;
}

function sound(count = 0): number {
  return count > 0 ? Math.min(Math.trunc(count), tokensMax) : 0;
}

/** All the tokens of a request are charged by the tier that its input falls into. */
export function ratesFor(price: Price, inputTokens: number, { batch = false }: CostFacts = {}): Rates {
  let [tier] = price;
  for (const next of price) if (inputTokens > next.aboveTokens) tier = next;
  return batch ? (tier.batch ?? tier.rates) : tier.rates;
}

/** Whole billionths and what is left of them are added apart, so that every product and sum is exact. */
function roundedUp(parts: readonly (readonly [tokens: number, rate: PicoUsd])[]): NanoUsd {
  let nano = 0;
  let pico = 0;
  for (const [tokens, rate] of parts) {
    nano += tokens * Math.trunc(rate / 1_000);
    pico += tokens * (rate % 1_000);
  }
  return nano + Math.ceil(pico / 1_000);
}
