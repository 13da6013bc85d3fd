/** One spelling for each address, so that lists, limits and logs mean the same one. */
import { isIP, SocketAddress } from 'node:net';

const mapped = '::ffff:';

/** The address of a socket's other end: a client over IPv4 is written so, although our socket may be IPv6. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  if (!address.includes(':')) return address;
  if (address.startsWith(mapped) && address.includes('.')) return address.slice(mapped.length);
  // The interface that a neighbour is seen on is no part of who it is.
  const zone = address.indexOf('%');
  return zone === -1 ? address : address.slice(0, zone);
}

/** An address that someone wrote, in the form that the system would give it; nothing when it is none. */
export function readAddress(text: string): string | undefined {
  const version = isIP(text);
  if (version === 4) return text;
  if (version === 0 || text.includes('%')) return undefined;
  return plainAddress(new SocketAddress({ address: text, family: 'ipv6' }).address);
}

/** In its plain form. */
export function isLoopbackPeer(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** What one party has to itself: an IPv4 address, or the 64 bits that IPv6 hands to each network. */
export function partyOf(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
