/** A URL that someone asks us to connect to: parsed once, and judged by what the parser understood. */
import { isIP } from 'node:net';
import { isMetadataHost } from './metadata-host.ts';
import { isForbiddenAddress, isPublicAddress } from './public-address.ts';

/**
 * `operator`: it stands in the configuration file, and may be private. `stranger`: a tenant or client named it, and it
 * must be public.
 */
export type NamedBy = 'operator' | 'stranger';

export interface OutgoingUrl {
  readonly url: URL;
  readonly namedBy: NamedBy;
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

export type ParsedOutgoingUrl =
  | { readonly ok: true; readonly outgoing: OutgoingUrl }
  | { readonly ok: false; readonly reason: string };

const charsMax = 2_048;
/** Those that strangers may name. The operator may name any. */
const strangerPorts: readonly number[] = [443, 8443];

export interface OutgoingRules {
  readonly namedBy: NamedBy;
  /** For strangers. */
  readonly ports?: readonly number[];
}

/** Reasons never repeat the URL: it may hold a password. */
export function parseOutgoingUrl(
  text: string,
  { namedBy, ports = strangerPorts }: OutgoingRules,
): ParsedOutgoingUrl {
  // Parsers differ over these, and this one drops or turns some of them around.
  if (text.length > charsMax || /[\s\\\p{Cc}]/u.test(text)) {
    return {
      ok: false,
      reason: `must be a URL of at most ${charsMax} characters, without spaces or backslashes`,
    };
  }
  const url = URL.parse(text);
  if (url === null) return { ok: false, reason: 'must be a URL such as https://hooks.example/a' };
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const outgoing = { url, namedBy, host, secure, port: portOf(url) };
  const reason = faultOf(outgoing) ?? (namedBy === 'stranger' ? strangeFaultOf(outgoing, ports) : undefined);
  return reason === undefined ? { ok: true, outgoing } : { ok: false, reason };
}

/** Whether a connection to this address is allowed. Of a name, all its addresses must be. */
export function mayConnectTo(address: string, namedBy: NamedBy): boolean {
  return namedBy === 'stranger' ? isPublicAddress(address) : !isForbiddenAddress(address);
}

/** What can be said against a host that a stranger names, without looking it up. */
export function strangeHostFault(host: string): string | undefined {
  if (isIP(host) !== 0) return isPublicAddress(host) ? undefined : 'is not at an address that may be called';
  // A name of one part means what this machine takes it for.
  const isOurs = !host.includes('.') || host.toLowerCase().endsWith('.localhost') || isMetadataHost(host);
  return isOurs ? 'must name a host of the internet' : undefined;
}

function portOf({ port, protocol }: URL): number {
  // The parser leaves out the one that the scheme implies.
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

function faultOf({ url, host, port, namedBy }: OutgoingUrl): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https:// or http://';
  if (url.username !== '' || url.password !== '') return 'must not hold a user or password';
  // It is never sent: whoever writes one has had something cut off.
  if (url.href.includes('#')) return 'must not have a fragment';
  if (isMetadataHost(host)) return 'is the address of a cloud’s metadata service';
  if (isIP(host) !== 0 && !mayConnectTo(host, namedBy)) return 'is not at an address that may be called';
  if (port === 0) return 'must not have port 0';
  if (isIP(host) === 0 && !isPlainName(host)) return 'must name its host plainly, without an empty part';
  return undefined;
}

function strangeFaultOf({ host, port, secure }: OutgoingUrl, ports: readonly number[]): string | undefined {
  if (!secure) return 'must begin with https://';
  if (!ports.includes(port)) return `must have one of the ports ${ports.join(', ')}`;
  return isIP(host) === 0 ? strangeHostFault(host) : undefined;
}

function isPlainName(host: string): boolean {
  return host.length <= 253 && host.split('.').every((label) => /^[a-z0-9_-]{1,63}$/.test(label));
}
