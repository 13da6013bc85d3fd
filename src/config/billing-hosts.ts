/** Which upstreams may send bills, and where it is not sure that they send none. */
import { isOwnHost } from '../money/own-host.ts';
import { providers } from '../providers/registry.ts';
import type { Config } from './schema.ts';

type Priced = Pick<Config, 'upstreams' | 'models' | 'prices' | 'budgets'>;

/**
 * The hosts of upstreams of a kind that costs money, at addresses that are not the operator's own; and of the operator's
 * own servers where the configuration takes them for the way to somebody who does send bills.
 */
export function billingHosts({
  upstreams,
  prices,
}: Pick<Priced, 'upstreams' | 'prices'>): ReadonlyMap<string, string> {
  const hosts = new Map<string, string>();
  for (const [name, upstream] of Object.entries(upstreams)) {
    if (!('url' in upstream)) continue;
    const { paid, passesOn } = providers[upstream.type];
    const { hostname } = new URL(upstream.url);
    const bills = isOwnHost(hostname) ? passesOn && prices.unpriced === 'highest' : paid(upstream.url);
    if (bills) hosts.set(name, hostname);
  }
  return hosts;
}

/** A budget of dollars never refuses what costs nothing: whoever passes requests on to a provider has to say so. */
export function unpricedWarnings(config: Priced): readonly string[] {
  const { budgets, prices } = config;
  if (prices.unpriced !== undefined || budgets.every(({ usd }) => usd === undefined)) return [];
  const names = Object.keys(config.upstreams).filter((name) => isUnpricedProxy(config, name));
  if (names.length === 0) return [];
  return [
    `no budget of dollars holds for ${names.join(', ')}: what is asked of a server of your own without a price costs nothing. ` +
      'Where it sends no bills, say prices.unpriced: free; where it passes requests on to somebody who does, ' +
      'say prices.unpriced: highest, or give it a price under prices',
  ];
}

/** By its targets: what else it has is asked by the upstream's own name, and needs a price of the upstream. */
function isUnpricedProxy({ upstreams, models, prices }: Priced, name: string): boolean {
  const upstream = upstreams[name];
  if (upstream === undefined || !('url' in upstream) || !providers[upstream.type].passesOn) return false;
  if (!isOwnHost(new URL(upstream.url).hostname) || Object.hasOwn(prices, name)) return false;
  const targets = Object.entries(models).flatMap(([model, { targets }]) =>
    targets
      .filter((target) => target.upstream === name)
      .map((target) => [`${name}/${target.model}`, target.model, model]),
  );
  const isPriced = (names: readonly string[]) => names.some((one) => Object.hasOwn(prices, one));
  return targets.length === 0 || !targets.every(isPriced);
}
