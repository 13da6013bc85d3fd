/** What may stand in `url:` of an upstream. */
import { BlockList, isIP } from 'node:net';

export type UpstreamUrl =
  | { readonly ok: true; readonly url: string }
  | { readonly ok: false; readonly reason: string };

/** Addresses at which clouds hand out credentials to whoever asks from the inside. */
const metadataNames = new Set(['metadata', 'metadata.google.internal', 'metadata.goog', 'instance-data']);
const metadata = new BlockList();
for (const address of [
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '100.100.100.200',
  '192.0.0.192',
]) {
  metadata.addAddress(address);
}
for (const address of ['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254']) metadata.addAddress(address, 'ipv6');

/** Reasons never repeat the address: it may hold a password. */
export function parseUpstreamUrl(text: string): UpstreamUrl {
  const url = URL.parse(text);
  const reason = url === null ? 'must be an address such as http://127.0.0.1:11434' : fault(url);
  if (url === null || reason !== undefined) return { ok: false, reason: reason ?? '' };
  return { ok: true, url: url.href.replace(/\/+$/, '') };
}

function fault(url: URL): string | undefined {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must begin with http:// or https://';
  if (url.username !== '' || url.password !== '')
    return 'must not hold a user or password; use `key` or `headers`';
  if (url.search !== '' || url.hash !== '') return 'must not have a query or fragment';
  if (isMetadata(url.hostname))
    return 'is the address of a cloud’s metadata service, which no upstream may have';
  return undefined;
}

function isMetadata(hostname: string): boolean {
  const host = hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
  const family = isIP(host);
  return family === 0 ? metadataNames.has(host) : metadata.check(host, family === 4 ? 'ipv4' : 'ipv6');
}
