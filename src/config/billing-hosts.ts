/** Which upstreams may send bills, and where it is not sure that they send none. */
import { isOwnHost } from '../money/own-host.ts';
import { providers } from '../providers/registry.ts';
import type { Config } from './schema.ts';

type Priced = Pick<Config, 'upstreams' | 'models' | 'prices' | 'budgets'>;
type UpstreamConfig = Config['upstreams'][string];
type ServerConfig = Extract<UpstreamConfig, { url: string }>;

/**
 * The hosts of upstreams of a kind that costs money, at addresses that are not the operator's own; and of servers at the
 * operator's own addresses that may be the way to somebody who does send bills.
 */
export function billingHosts({
  upstreams,
  prices,
}: Pick<Priced, 'upstreams' | 'prices'>): ReadonlyMap<string, string> {
  const hosts = new Map<string, string>();
  for (const [name, upstream] of Object.entries(upstreams)) {
    if (!('url' in upstream)) continue;
    if (isCloud(upstream) || passesOn(upstream, prices)) hosts.set(name, hostOf(upstream));
  }
  return hosts;
}

/** Of a kind that costs money, and somebody else's machine. */
export function isCloud(upstream: UpstreamConfig): boolean {
  if (!('url' in upstream) || isOwnHost(hostOf(upstream))) return false;
  return providers[upstream.type].paid(upstream.url);
}

/** Whoever has to be asked with a key may have one himself, for a cloud behind it: unless it is said, it counts as that. */
function passesOn(upstream: ServerConfig, { unpriced }: Priced['prices']): boolean {
  if (!isOfProxies(upstream) || unpriced === 'free') return false;
  return unpriced === 'highest' || isAskedWithKey(upstream);
}

/** A server at an address of the operator's own, of a kind whose API proxies speak. */
function isOfProxies(upstream: UpstreamConfig): upstream is ServerConfig {
  return 'url' in upstream && providers[upstream.type].passesOn && isOwnHost(hostOf(upstream));
}

const credential = /auth|key|token|secret/i;

function isAskedWithKey({ key, headers }: ServerConfig): boolean {
  return key !== undefined || Object.keys(headers).some((name) => credential.test(name));
}

function hostOf({ url }: ServerConfig): string {
  return new URL(url).hostname;
}

/** What a server at an address of our own without a price costs is a guess: it is told of until somebody says. */
export function unpricedWarnings(config: Priced): readonly string[] {
  const { budgets, prices, upstreams } = config;
  if (prices.unpriced !== undefined) return [];
  const doubted = Object.entries(upstreams).flatMap(([name, upstream]) =>
    isOfProxies(upstream) && !isPriced(config, name) ? [{ name, keyed: isAskedWithKey(upstream) }] : [],
  );
  const keyed = doubted.filter((one) => one.keyed).map(({ name }) => name);
  const free = doubted.filter((one) => !one.keyed).map(({ name }) => name);
  return [
    ...(keyed.length === 0 ? [] : [keyedWarning(keyed)]),
    ...(free.length === 0 || budgets.every(({ usd }) => usd === undefined) ? [] : [freeWarning(free)]),
  ];
}

function keyedWarning([first = '', ...others]: readonly string[]): string {
  const names = [first, ...others].join(', ');
  return (
    `what is asked of ${names} costs the highest price there is: it is asked with a key, so that it may pass requests on to ` +
    `somebody who sends bills, and it has no price. Give it one: prices: { ${first}: { inputPerM: 0, outputPerM: 0 } } where it ` +
    'sends none, its monthlyUsd, or those of its models; or say prices.unpriced: free for all servers of your own'
  );
}

function freeWarning(names: readonly string[]): string {
  return (
    `no budget of dollars holds for ${names.join(', ')}: what is asked of a server of your own without a price costs nothing. ` +
    'Where it sends no bills, say prices.unpriced: free; where it passes requests on to somebody who does, ' +
    'say prices.unpriced: highest, or give it a price under prices'
  );
}

/** By its targets: what else it has is asked by the upstream's own name, and needs a price of the upstream. */
function isPriced({ models, prices }: Priced, name: string): boolean {
  if (Object.hasOwn(prices, name)) return true;
  const targets = Object.entries(models).flatMap(([model, { targets }]) =>
    targets
      .filter((target) => target.upstream === name)
      .map((target) => [`${name}/${target.model}`, target.model, model]),
  );
  return targets.length > 0 && targets.every((names) => names.some((one) => Object.hasOwn(prices, one)));
}
