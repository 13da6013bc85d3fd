/** One configuration's prices: which price holds for a model that an upstream served, and where it comes from. */

import type { TokenPrice } from './options.ts';
import { isOwnHost } from './own-host.ts';
import { createRates, free, type Price } from './price.ts';
import type { PriceCatalogue } from './price-catalogue.ts';
import { type ServerPrice, serverRates } from './server-rates.ts';

export interface Served {
  readonly upstream: string;
  /** As the upstream calls it. */
  readonly targetModel: string;
  /** As the client asked for it. */
  readonly model: string;
}

export interface Tariff {
  readonly price: Price;
  /** Where it comes from: `catalogue:` and its day, `config:` and its id, `highest:` and the catalogue's day, `own`. */
  readonly version: string;
  /** Whether the upstream is a machine of the operator's, and not somebody's who sends bills. */
  readonly own: boolean;
}

export interface Prices {
  readonly premium?: string | undefined;
  readonly [name: string]: TokenPrice | ServerPrice | string | undefined;
}

export interface PriceBookOptions {
  readonly prices: Prices;
  readonly configId: string;
  /** Where upstreams that may send bills are, by name. The others are engines and servers that nobody bills for. */
  readonly billing: ReadonlyMap<string, string>;
  /** Reads it when it is first needed. */
  readonly catalogue: () => PriceCatalogue;
}

export class PriceBook {
  readonly #options: PriceBookOptions;

  constructor(options: PriceBookOptions) {
    this.#options = options;
  }

  /** The nearest of what the configuration says, then the catalogue; for what nobody knows, the highest there is. */
  tariffOf(served: Served): Tariff {
    const { billing, configId } = this.#options;
    const host = billing.get(served.upstream);
    const own = host === undefined || isOwnHost(host);
    const configured = this.#configured(served);
    if (configured !== undefined) return { price: configured, version: `config:${configId}`, own };
    if (own) return { price: free, version: 'own', own };
    const catalogue = this.#options.catalogue();
    const listed = catalogue.find(served.targetModel, host);
    if (listed !== undefined) return { price: listed, version: `catalogue:${catalogue.version}`, own };
    return { price: catalogue.highest(host), version: `highest:${catalogue.version}`, own };
  }

  #configured({ upstream, targetModel, model }: Served): Price | undefined {
    const { prices } = this.#options;
    const tokens = [`${upstream}/${targetModel}`, targetModel, model]
      .map((name) => tokenPrice(prices, name))
      .find((price) => price !== undefined);
    if (tokens !== undefined) return tokens;
    const server = Object.hasOwn(prices, upstream) ? prices[upstream] : undefined;
    return isServerPrice(server) ? [{ aboveTokens: 0, rates: createRates(serverRates(server)) }] : undefined;
  }
}

/** The price of a model by its name alone, whoever serves it. */
export function priceByName(
  prices: Prices,
  name: string,
  catalogue: () => PriceCatalogue,
): Price | undefined {
  return tokenPrice(prices, name) ?? catalogue().find(name);
}

export function isServerPrice(price: TokenPrice | ServerPrice | string | undefined): price is ServerPrice {
  return typeof price === 'object' && 'monthlyUsd' in price;
}

function tokenPrice(prices: Prices, name: string): Price | undefined {
  const price = Object.hasOwn(prices, name) && name !== 'premium' ? prices[name] : undefined;
  if (typeof price !== 'object' || isServerPrice(price)) return undefined;
  const base = { aboveTokens: 0, rates: createRates(price) };
  const { longContext } = price;
  return longContext === undefined
    ? [base]
    : [base, { aboveTokens: longContext.aboveTokens, rates: createRates(longContext) }];
}
