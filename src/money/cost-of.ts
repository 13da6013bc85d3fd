/** What an exchange costs: its tokens at their rates, in whole billionths of a dollar, rounded up once. */
import type { NanoUsd } from '../core/ledger.ts';
import { usualServices } from '../core/part.ts';
import { dearerRates, type PicoUsd, type Price, type Rates, type Service, type Tier } from './price.ts';

/** As upstreams count them: what was kept, is kept from now on, or is hidden is a part of input and output. */
export interface TokenCounts {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens?: number;
  readonly cacheWriteTokens?: number;
  readonly reasoningTokens?: number;
}

/** How it was to be served, and how it was, as clients and upstreams write it in `service_tier`. */
export interface ServiceTiers {
  readonly asked?: string | undefined;
  readonly told?: string | undefined;
}

/** No upstream answers a request of so many tokens; with it, no cost leaves the whole numbers. */
const tokensMax = 100_000_000;

/** Never negative, whatever was counted (U18). */
export function costOf(counts: TokenCounts, price: Price, tiers: ServiceTiers = {}): NanoUsd {
  const input = sound(counts.inputTokens);
  const output = sound(counts.outputTokens);
  const cached = Math.min(sound(counts.cachedTokens), input);
  const written = Math.min(sound(counts.cacheWriteTokens), input - cached);
  const reasoning = Math.min(sound(counts.reasoningTokens), output);
  const rates = ratesFor(price, input, tiers);
  const sum = new ExactSum();
  sum.add(input - cached - written, rates.input);
  sum.add(cached, rates.cachedInput);
  sum.add(written, rates.cacheWrite);
  sum.add(output - reasoning, rates.output);
  sum.add(reasoning, rates.reasoning);
  return sum.roundedUp;
}

/** What is wrong with the counts, in words for the operator; nothing when they can be right. */
export function doubtOf(counts: TokenCounts): string | undefined {
  const { inputTokens, outputTokens, cachedTokens = 0, cacheWriteTokens = 0, reasoningTokens = 0 } = counts;
  const least = Math.min(inputTokens, outputTokens, cachedTokens, cacheWriteTokens, reasoningTokens);
  if (!(least >= 0)) return 'it counted fewer than no tokens';
  const most = Math.max(inputTokens, outputTokens, cachedTokens, cacheWriteTokens, reasoningTokens);
  // Those who read answers let no more through.
  if (most >= tokensMax) return `it counted ${tokensMax} tokens or more`;
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
export function ratesFor(price: Price, inputTokens: number, tiers: ServiceTiers = usual): Rates {
  let [tier] = price;
  for (const next of price) if (inputTokens > next.aboveTokens) tier = next;
  const { asked, told } = tiers;
  if (told !== undefined) return ratesOfService(tier, told);
  // Whoever asks for another service may be given the usual one.
  return asked === undefined ? tier.rates : dearerRates(tier.rates, ratesOfService(tier, asked));
}

const usual: ServiceTiers = {};

/** One that nobody knows costs the highest that is known. */
function ratesOfService({ rates, services = {} }: Tier, name: string): Rates {
  if (usualServices.has(name)) return rates;
  const own = Object.hasOwn(services, name) ? services[name as Service] : undefined;
  return own ?? Object.values(services).reduce(dearerRates, rates);
}

/** Whole billionths and what is left of them are added apart, so that every product and sum is exact. */
class ExactSum {
  #nano = 0;
  #pico = 0;

  add(tokens: number, rate: PicoUsd): void {
    this.#nano += tokens * Math.trunc(rate / 1_000);
    this.#pico += tokens * (rate % 1_000);
  }

  get roundedUp(): NanoUsd {
    return this.#nano + Math.ceil(this.#pico / 1_000);
  }
}
