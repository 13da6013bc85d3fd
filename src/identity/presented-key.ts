/** Every way to carry a key, brought to one (G1): what differs between carriers is refused, not chosen from. */
import type { Incoming } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';

export function presentedKey(incoming: Incoming): string | undefined {
  const { headers, pathKey, query } = incoming;
  let found = bearer(headers['authorization']);
  found = agreed(found, headers['x-api-key']);
  found = agreed(found, headers['api-key']);
  found = agreed(found, pathKey);
  if (query !== undefined) for (const key of query.getAll('key')) found = agreed(found, key);
  return found;
}

function agreed(found: string | undefined, other: string | string[] | undefined): string | undefined {
  if (typeof other !== 'string' || other === '' || other === found) return found;
  if (found === undefined) return other;
  throw fail('invalid_api_key', 'the request carries two different keys; send one');
}

function bearer(header: string | string[] | undefined): string | undefined {
  if (typeof header !== 'string' || header.length < 8) return undefined;
  const scheme = header.slice(0, 7);
  if (scheme !== 'Bearer ' && scheme.toLowerCase() !== 'bearer ') return undefined;
  // A key of nothing but odd spaces is none.
  return header.slice(7).trim() || undefined;
}
