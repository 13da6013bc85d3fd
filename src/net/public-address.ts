/**
 * Which addresses an outgoing connection may have. What is public is a list of what is allowed: lists of what is
 * forbidden have always missed a range.
 */
import { isIP } from 'node:net';
import { createAddressList } from './address-list.ts';
import { isMetadataHost } from './metadata-host.ts';

/** IANA's registries of special addresses, as of 2026, for the rest of unicast. */
const specialV4 = createAddressList([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
]);

/** All that is handed out for unicast over IPv6; inside it what is special: Teredo, ORCHID, 6to4, documentation. */
const unicastV6 = createAddressList(['2000::/3']);
const specialV6 = createAddressList([
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '2620:4f:8000::/48',
  '3ffe::/16',
  '3fff::/20',
]);

/** Nobody may name these: neighbours on the cable, clouds' metadata, addresses that are nobody's or everybody's. */
const never = createAddressList([
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
  'fd00:ec2::/32',
  '2001::/32',
]);

/** Leading groups of IPv6 addresses that stand for an address of IPv4, and the group at which that begins. */
const carriers = [
  { groups: [0, 0, 0, 0, 0, 0xffff], at: 6, reached: false },
  { groups: [0, 0, 0, 0, 0xffff, 0], at: 6, reached: false },
  { groups: [0, 0, 0, 0, 0, 0], at: 6, reached: false },
  // NAT64: on a network without IPv4 every name that has no IPv6 of its own resolves to these.
  { groups: [0x64, 0xff9b, 0, 0, 0, 0], at: 6, reached: true },
  { groups: [0x64, 0xff9b, 1], at: 6, reached: false },
  { groups: [0x2002], at: 1, reached: false },
] as const;

/** Global unicast: reached over the internet, and the same for whoever asks. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 0 || address.includes('%') || isForbiddenAddress(address)) return false;
  if (version === 4) return !specialV4.has(address);
  const carried = carriedBy(address);
  if (carried !== undefined) return carried.reached && isPublicAddress(carried.address);
  return unicastV6.has(address) && !specialV6.has(address);
}

/** Whoever names it, and however it is written. */
export function isForbiddenAddress(address: string): boolean {
  if (isIP(address) === 0 || address.includes('%')) return true;
  if (never.has(address) || isMetadataHost(address)) return true;
  const carried = isIP(address) === 6 ? carriedBy(address) : undefined;
  return carried !== undefined && isForbiddenAddress(carried.address);
}

/** A cloud's metadata service, also where an address of IPv6 leads to it. */
export function isMetadataAddress(address: string): boolean {
  if (isMetadataHost(address)) return true;
  const carried = isIP(address) === 6 ? carriedBy(address) : undefined;
  return carried !== undefined && isMetadataHost(carried.address);
}

interface Carried {
  readonly address: string;
  /** Whether what leads there is a way of the internet. */
  readonly reached: boolean;
}

function carriedBy(address: string): Carried | undefined {
  const groups = groupsOf(address);
  // The loopback address looks as if it carried 0.0.0.1.
  if (groups.join(':') === '0:0:0:0:0:0:0:1') return undefined;
  const carrier = carriers.find((known) => known.groups.every((group, index) => groups[index] === group));
  if (carrier === undefined) return undefined;
  const [high = 0, low = 0] = groups.slice(carrier.at);
  return {
    address: [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.'),
    reached: carrier.reached,
  };
}

/** The eight groups of an address of IPv6. */
function groupsOf(address: string): readonly number[] {
  // In a URL's host it has one spelling, without dots.
  const host = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = '', tail] = host.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16));
}
