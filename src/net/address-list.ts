/** Addresses and networks as people write them: `10.0.0.0/8`, `192.0.2.7`, `2001:db8::/32`. */
import { BlockList, isIP } from 'node:net';

export interface AddressList {
  /** Of an address in its plain form, as `plainAddress` gives it. */
  has(address: string): boolean;
}

export interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

export type ParsedNetwork =
  | { readonly ok: true; readonly network: Network }
  | { readonly ok: false; readonly reason: string };

const bitsOf = { ipv4: 32, ipv6: 128 } as const;

export function parseNetwork(text: string): ParsedNetwork {
  const [, address = '', digits] = /^([0-9A-Fa-f.:]{2,45})(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0)
    return { ok: false, reason: 'must be an address or a network, such as 192.0.2.7 or 10.0.0.0/8' };
  // A client over IPv4 is compared as such, so this would never match.
  if (/^::ffff:/i.test(address))
    return { ok: false, reason: 'must be written as the IPv4 address that it means' };
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const prefix = digits === undefined ? bitsOf[family] : Number(digits);
  if (prefix > bitsOf[family])
    return { ok: false, reason: `has more than ${bitsOf[family]} bits before its end` };
  return { ok: true, network: { address, prefix, family } };
}

/** Throws on what is no network: the configuration has refused it before. */
export function createAddressList(texts: readonly string[]): AddressList {
  const list = new BlockList();
  for (const text of texts) {
    const parsed = parseNetwork(text);
    if (!parsed.ok) throw new TypeError(`${text} ${parsed.reason}`);
    const { address, prefix, family } = parsed.network;
    list.addSubnet(address, prefix, family);
  }
  return {
    has: (address) => {
      const version = isIP(address);
      return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6');
    },
  };
}
