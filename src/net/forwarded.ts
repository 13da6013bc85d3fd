/** Whom trusted proxies speak for: read from the right, as far as everyone who wrote it is trusted. */
import { type Failure, fail } from '../core/failure.ts';
import type { AddressList } from './address-list.ts';
import { readAddress } from './peer-address.ts';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** More proxies than any way has; what stands to their left was written by clients. */
const hopsMax = 32;

/**
 * The address of the client behind `peer`, which is trusted. What the client itself wrote stands left of what the first
 * trusted proxy added and is never looked at.
 */
export function clientBehind(peer: string, headers: Headers, trusted: AddressList): string | Failure {
  const listed = textOf(headers['x-forwarded-for']);
  const told = textOf(headers['forwarded']);
  const byList = listed === '' ? undefined : walk(hopsOfList(listed), peer, trusted);
  if (told === '') return byList ?? peer;
  const elements = elementsOf(told);
  const byElements = elements === undefined ? unreadable(peer) : walk(elements.reverse(), peer, trusted);
  if (byList === undefined || byList === byElements) return byElements;
  // A proxy writes one of them and passes the other on as the client sent it: which one it is cannot be seen.
  return typeof byList === 'string' && typeof byElements === 'string'
    ? fail('invalid_request', 'X-Forwarded-For and Forwarded name different clients')
    : unreadable(peer);
}

function walk(hops: Iterable<string>, peer: string, trusted: AddressList): string | Failure {
  let speaker = peer;
  let count = 0;
  for (const hop of hops) {
    count += 1;
    const address = count > hopsMax ? undefined : readAddress(withoutPort(hop));
    if (address === undefined) return unreadable(speaker);
    if (!trusted.has(address)) return address;
    speaker = address;
  }
  return speaker;
}

function unreadable(speaker: string): Failure {
  return fail(
    'invalid_request',
    `the proxy ${speaker} does not tell the address of its client in a readable form`,
  );
}

function textOf(header: string | string[] | undefined): string {
  return typeof header === 'object' ? header.join(',') : (header ?? '');
}

/** The last one first. */
function* hopsOfList(text: string): Generator<string> {
  let end = text.length;
  while (end >= 0) {
    const comma = end === 0 ? -1 : text.lastIndexOf(',', end - 1);
    yield text.slice(comma + 1, end).trim();
    end = comma;
  }
}

/** Some proxies add the port: `192.0.2.7:4711`, `[2001:db8::7]:4711`. */
function withoutPort(hop: string): string {
  const [, v6, v4] = /^(?:\[([^\]]{2,45})\]|([\d.]{7,15}))(?::\d{1,5})?$/.exec(hop) ?? [];
  return v6 ?? v4 ?? hop;
}

const pair =
  /[ \t]*(?:([!#$%&'*+.^_`|~\w-]+)=(?:([!#$%&'*+.^_`|~\w-]+)|"((?:[^"\\]|\\.)*)")[ \t]*)?([;,]|$)/y;

/** RFC 7239's `for` of each element, empty where there is none; nothing when the header is not well-formed. */
function elementsOf(text: string): string[] | undefined {
  const elements = [''];
  pair.lastIndex = 0;
  for (;;) {
    const found = pair.exec(text);
    if (found === null) return undefined;
    const [, name, token, quoted, end] = found;
    if (name?.toLowerCase() === 'for') elements[elements.length - 1] = token ?? quoted ?? '';
    if (end === '') return elements;
    if (end === ',') elements.push('');
  }
}
