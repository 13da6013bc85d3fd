/** What the configuration in force says of servers and prices, as reports of costs need it. */
import { billingHosts } from '../config/billing-hosts.ts';
import { fail } from '../core/failure.ts';
import type { AdviceAsked, AdviceTarget, NamedPrice } from '../money/advice.ts';
import { isUseKnown } from '../money/advice-on-the-fleet.ts';
import { isServerPrice, premiumPrice } from '../money/price-book.ts';
import { readPriceCatalogue } from '../money/price-catalogue.ts';
import type { ServerPrice } from '../money/server-rates.ts';
import type { Gateway } from '../wiring/gateway.ts';
import { createPriceBook } from '../wiring/prices.ts';
import { viewRunning } from './running-models.ts';

export interface CostFacts extends Pick<AdviceAsked, 'models' | 'against' | 'unpriced'> {
  readonly servers: ReadonlyMap<string, ServerPrice>;
  /** Asks the servers, where the answer is of use. */
  loaded(known: Pick<AdviceAsked, 'span' | 'firstMs'>): Promise<AdviceAsked['loaded']>;
}

/** `against` is the model that servers are compared with. Throws `invalid_request` where nobody knows its price. */
export function costFactsOf(gateway: Gateway, against: string | undefined): CostFacts {
  const { config } = gateway.snapshot;
  const servers = new Map<string, ServerPrice>();
  const unpriced = new Set<string>();
  const billing = billingHosts(config);
  for (const [name, upstream] of Object.entries(config.upstreams)) {
    const price = Object.hasOwn(config.prices, name) ? config.prices[name] : undefined;
    if (isServerPrice(price)) servers.set(name, price);
    // An engine inside the gateway is no server of its own.
    else if (price === undefined && 'url' in upstream && !billing.has(name)) unpriced.add(name);
  }
  return {
    servers,
    unpriced,
    models: modelsOf(gateway, { servers, unpriced }),
    against: againstOf(gateway, against),
    loaded: async (known) => (isUseKnown(known) ? await loadedModels(gateway) : []),
  };
}

function modelsOf(
  { snapshot }: Gateway,
  { servers, unpriced }: Pick<CostFacts, 'servers' | 'unpriced'>,
): CostFacts['models'] {
  const book = createPriceBook(snapshot);
  const targetsOf = (model: string, targets: readonly { upstream: string; model: string }[]) =>
    targets.map(({ upstream, model: targetModel }): AdviceTarget => {
      const isBilled = !servers.has(upstream) && !unpriced.has(upstream);
      const billed = isBilled ? book.tariffOf({ upstream, targetModel, model }).price : undefined;
      return { upstream, targetModel, billed };
    });
  return new Map(
    Object.entries(snapshot.config.models).map(([name, { targets }]) => [name, targetsOf(name, targets)]),
  );
}

function againstOf({ snapshot }: Gateway, asked: string | undefined): NamedPrice | undefined {
  const { prices, models } = snapshot.config;
  const name = asked ?? prices.premium;
  if (name === undefined) return undefined;
  const price = premiumPrice({ prices: { ...prices, premium: name }, models }, readPriceCatalogue);
  if (price !== undefined) return { name, price };
  throw fail('invalid_request', `nobody knows a price of "${name}": give it one under \`prices\``, {
    param: 'against',
  });
}

async function loadedModels(gateway: Gateway): Promise<AdviceAsked['loaded']> {
  const { running } = await viewRunning(gateway);
  return running.flatMap(({ upstream, model, loaded }) =>
    loaded === undefined ? [] : [{ upstream, model }],
  );
}
