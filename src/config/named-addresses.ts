/** The addresses that a configuration names, of what the gateway connects to by itself. */
import { addressOf, addressOfUrl } from '../net/named-by.ts';
import { parseOutgoingUrl, strangeHostFault } from '../net/outgoing-url.ts';
import type { Path } from './placed.ts';
import type { Config } from './schema.ts';
import type { WrittenHalf } from './sources.ts';

export interface NamedAddress {
  readonly path: Path;
  /** HOST:PORT. */
  readonly address: string;
  /** Why nobody but the operator may name it, if that can be seen without looking it up. */
  readonly strange: () => string | undefined;
}

/**
 * Receivers of alerts by URL are not here: their URLs are secrets, which an owner alone puts in a place where they were not.
 * Issuers of tokens are an owner's as a whole.
 */
export function addressesIn({ upstreams, alerts }: Config): readonly NamedAddress[] {
  const ofUpstreams = Object.entries(upstreams).flatMap(([name, upstream]) =>
    (['url', 'exporter'] as const).flatMap((key) => {
      const url: unknown = Reflect.get(upstream, key);
      return typeof url === 'string' ? [byUrl(['upstreams', name, key], url)] : [];
    }),
  );
  const ofMail = alerts.to.flatMap(({ smtp }, index) =>
    smtp === undefined ? [] : [byHost(['alerts', 'to', index, 'smtp', 'host'], smtp)],
  );
  return [...ofUpstreams, ...ofMail];
}

/** Of those the ones that neither the files nor an owner answers for. */
export function strangersIn(
  config: Config,
  { applied }: Pick<WrittenHalf, 'applied'>,
  ofFiles: () => Config,
): readonly string[] {
  if (applied === undefined || applied.vouched === 'all') return [];
  const known = new Set(applied.vouched);
  const unknown = listed(config).filter((address) => !known.has(address));
  if (unknown.length === 0) return [];
  const inFiles = new Set(listed(ofFiles()));
  return unknown.filter((address) => !inFiles.has(address));
}

/** Each once, in an order of its own: equal configurations stay equal. */
export function listed(config: Config): readonly string[] {
  return [...new Set(addressesIn(config).map(({ address }) => address))].sort();
}

function byUrl(path: Path, url: string): NamedAddress {
  const strange = () => {
    const parsed = parseOutgoingUrl(url, { namedBy: 'stranger' });
    return parsed.ok ? undefined : parsed.reason;
  };
  return { path, address: addressOfUrl(url), strange };
}

function byHost(path: Path, { host, port }: { readonly host: string; readonly port: number }): NamedAddress {
  return { path, address: addressOf(host, port), strange: () => strangeHostFault(host) };
}
