/** One configuration's prices: which price holds for a model that an upstream served, and where it comes from. */
import type { LedgerRow } from '../core/ledger.ts';
import type { TokenPrice } from './options.ts';
import { isOwnHost } from './own-host.ts';
import { createRates, dearerRates, free, type Price, type Rates, services, type Tier } from './price.ts';
import type { PriceCatalogue } from './price-catalogue.ts';
import { saverOf } from './saving.ts';
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
  /** What saved where it cost less than the premium model. */
  readonly savedBy: LedgerRow['savedBy'];
  /** How long an answer may be asked for there. */
  readonly answerTokensMax: number;
}

/** Of a model that nobody knows: a longer one it might refuse to be asked for. */
const answerTokensUnknown = 4_096;

export interface Prices {
  readonly premium?: string | undefined;
  readonly margin?: number | undefined;
  readonly [name: string]: TokenPrice | ServerPrice | string | number | undefined;
}

export interface PriceBookOptions {
  readonly prices: Prices;
  readonly configId: string;
  /** The hosts of upstreams whose owners may send bills, by name; the others are the operator's own. */
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
    const { billing, configId, prices } = this.#options;
    const host = billing.get(served.upstream);
    const own = host === undefined || (prices['unpriced'] !== 'highest' && isOwnHost(host));
    const savedBy = saverOf(own ? 'own' : 'bill', served);
    const answerTokensMax = this.#answerTokensMax(served, host);
    const configured = this.#configured(served);
    if (configured !== undefined) {
      return { price: configured, version: `config:${configId}`, savedBy, answerTokensMax };
    }
    if (host === undefined) return { price: free, version: 'own', savedBy, answerTokensMax };
    const catalogue = this.#options.catalogue();
    const listed = catalogue.find(served.targetModel, host);
    if (listed !== undefined) {
      return { price: listed, version: `catalogue:${catalogue.version}`, savedBy, answerTokensMax };
    }
    const highest = catalogue.highest(host);
    return { price: highest, version: `highest:${catalogue.version}`, savedBy, answerTokensMax };
  }

  /** What runs on a machine of the operator's may hold less than the same model does at a cloud. */
  #answerTokensMax({ targetModel }: Served, host: string | undefined): number {
    if (host === undefined || isOwnHost(host)) return answerTokensUnknown;
    return this.#options.catalogue().answerTokensMax(targetModel, host) ?? answerTokensUnknown;
  }

  #configured({ upstream, targetModel, model }: Served): Price | undefined {
    const names = [`${upstream}/${targetModel}`, targetModel, model, upstream];
    return firstPrice(this.#options.prices, names);
  }
}

/** Of a model by its name alone, or by those of its targets, whoever serves it. */
export function premiumPrice(
  { prices, models }: { prices: Prices; models: Models },
  catalogue: () => PriceCatalogue,
): Price | undefined {
  const { premium } = prices;
  if (premium === undefined) return undefined;
  const targets = Object.hasOwn(models, premium) ? (models[premium]?.targets ?? []) : [];
  const names = [premium, ...targets.flatMap(({ upstream, model }) => [`${upstream}/${model}`, model])];
  return firstPrice(prices, names) ?? first(names, (name) => catalogue().find(name));
}

export interface Models {
  readonly [name: string]: { readonly targets: readonly { upstream: string; model: string }[] };
}

export function isServerPrice(price: Prices[string]): price is ServerPrice {
  return typeof price === 'object' && 'monthlyUsd' in price;
}

function firstPrice(prices: Prices, names: readonly string[]): Price | undefined {
  return first(names, (name) => {
    const price = Object.hasOwn(prices, name) ? prices[name] : undefined;
    // `premium`, `unpriced` and `margin` are no prices.
    return typeof price === 'object' ? asPrice(price) : undefined;
  });
}

function first<Found>(
  names: readonly string[],
  find: (name: string) => Found | undefined,
): Found | undefined {
  for (const name of names) {
    const found = find(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function asPrice(price: TokenPrice | ServerPrice): Price {
  if (isServerPrice(price)) return [{ aboveTokens: 0, rates: createRates(serverRates(price)) }];
  const base: Tier = {
    aboveTokens: 0,
    rates: createRates(price),
    services: servicesOf(price, free[0].rates),
  };
  const { longContext } = price;
  if (longContext === undefined) return [base];
  const rates = createRates(longContext);
  return [base, { aboveTokens: longContext.aboveTokens, rates, services: servicesOf(price, rates) }];
}

/** Nobody says what each costs of a long input: the dearer of the two. */
function servicesOf(price: TokenPrice, least: Rates): NonNullable<Tier['services']> {
  const said = services.flatMap((name) => {
    const own = price[name];
    return own === undefined ? [] : [[name, dearerRates(createRates(own), least)] as const];
  });
  return Object.fromEntries(said);
}
