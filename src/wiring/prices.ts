/** The prices of one configuration. */
import type { Config } from '../config/schema.ts';
import { isOwnHost } from '../money/own-host.ts';
import { PriceBook, premiumPrice } from '../money/price-book.ts';
import { readPriceCatalogue } from '../money/price-catalogue.ts';
import { createPricing, type Pricing } from '../money/price-exchange.ts';
import { providers } from '../providers/registry.ts';
import { withoutKeys } from '../telemetry/exchange-line.ts';
import type { Log } from '../telemetry/log.ts';

export interface PricesOptions {
  readonly config: Config;
  readonly id: string;
  readonly log: Log;
}

const nameCharsMax = 200;

export function createPrices({ config, id, log }: PricesOptions): Pricing {
  const book = createPriceBook({ config, id });
  const billing = billingHosts(config);
  // Its few milliseconds belong to the start, and not to the first exchange that it prices.
  if (billing.size > 0 || config.prices.premium !== undefined) readPriceCatalogue();
  return createPricing({
    book,
    premium: premiumPrice(config, readPriceCatalogue),
    onUnknown: ({ upstream, targetModel }, { version }) =>
      log.warn(
        { upstream, model: withoutKeys(targetModel.slice(0, nameCharsMax)), priceVersion: version },
        'the price of a model is not known, and the highest there is is counted: give it one under `prices`',
      ),
  });
}

/** For whoever wants to know a price outside of an exchange. */
export function createPriceBook({ config, id }: Pick<PricesOptions, 'config' | 'id'>): PriceBook {
  const billing = billingHosts(config);
  return new PriceBook({ prices: config.prices, configId: id, billing, catalogue: readPriceCatalogue });
}

/** Upstreams of a kind that costs money, at addresses that are not the operator's own. */
export function billingHosts(config: Config): ReadonlyMap<string, string> {
  const hosts = new Map<string, string>();
  for (const [name, upstream] of Object.entries(config.upstreams)) {
    if (!('url' in upstream) || !providers[upstream.type].paid(upstream.url)) continue;
    const { hostname } = new URL(upstream.url);
    if (!isOwnHost(hostname)) hosts.set(name, hostname);
  }
  return hosts;
}
