/** The prices of one configuration. */
import { billingHosts } from '../config/billing-hosts.ts';
import type { Config } from '../config/schema.ts';
import { PriceBook, premiumPrice } from '../money/price-book.ts';
import { readPriceCatalogue } from '../money/price-catalogue.ts';
import { createPricing, type Pricing } from '../money/price-exchange.ts';
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
