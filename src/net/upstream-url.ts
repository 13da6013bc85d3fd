/** What may stand in `url:` of an upstream. */
import { isMetadataAddress } from './public-address.ts';

export type UpstreamUrl =
  | { readonly ok: true; readonly url: string }
  | { readonly ok: false; readonly reason: string };

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
  if (isMetadataAddress(url.hostname.replace(/^\[|\]$/g, '')))
    return 'is the address of a cloud’s metadata service, which no upstream may have';
  return undefined;
}
