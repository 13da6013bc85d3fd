/** Who named an address: HOST:PORT, as each place that names one writes it down. */
import type { NamedBy } from './outgoing-url.ts';

export function addressOfUrl(text: string): string {
  const { hostname, port, protocol } = new URL(text);
  return addressOf(hostname, port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port));
}

export function addressOf(host: string, port: number): string {
  return `${host.replace(/^\[|\]$/g, '').toLowerCase()}:${port}`;
}

/** Whoever is not listed is the operator's. */
export function namedBy(address: string, strangers: readonly string[] = []): NamedBy {
  return strangers.includes(address) ? 'stranger' : 'operator';
}
