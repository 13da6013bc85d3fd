/** What a token costs at each target, for policies that compare targets: found once for each. */
import type { Target } from '../core/exchange.ts';
import type { Pricing } from '../money/price-exchange.ts';

export class TokenPrices {
  readonly #pricing: Pricing;
  readonly #found = new WeakMap<Target, number>();

  constructor(pricing: Pricing) {
    this.#pricing = pricing;
  }

  /** In billionths of a dollar. A price by the name that clients see is the same for all targets, and left out. */
  of(target: Target): number {
    const found = this.#found.get(target);
    if (found !== undefined) return found;
    const served = { upstream: target.upstream.name, targetModel: target.model, model: target.model };
    const price = this.#pricing.ratesAhead(served, 0).outputPicoUsd / picoPerNano;
    this.#found.set(target, price);
    return price;
  }
}

const picoPerNano = 1_000;
