/** One spelling for each address, so that lists, limits and logs mean the same one. */
import { isIP, SocketAddress } from 'node:net';

const mapped = '::ffff:';

/** The address of a socket's other end: a client over IPv4 is written so, although our socket may be IPv6. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith(mapped) && address.includes('.') ? address.slice(mapped.length) : address;
}

/** An address that someone wrote, in the form that the system would give it; nothing when it is none. */
export function readAddress(text: string): string | undefined {
  const version = isIP(text);
  if (version === 4) return text;
  if (version === 0 || text.includes('%')) return undefined;
  return plainAddress(new SocketAddress({ address: text, family: 'ipv6' }).address);
}

export function isLoopbackPeer(address: string): boolean {
  return /^(?:127\.|::1$|::ffff:127\.)/.test(address);
}

/** What one party has to itself: an IPv4 address, or the 64 bits that IPv6 hands to each network. */
export function partyOf(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  if (tail === undefined || left.length >= 4) return `${left.slice(0, 4).join(':')}::/64`;
  const right = tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
