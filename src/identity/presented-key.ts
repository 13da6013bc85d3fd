/** Every way to carry a key, brought to one (G1): what differs between carriers is refused, not chosen from. */
import type { Incoming } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';

export function presentedKey(incoming: Incoming): string | undefined {
  const { headers } = incoming;
  let found = bearer(headers['authorization']);
  for (const other of [headers['x-api-key'], headers['api-key'], incoming.pathKey, ...queryKeys(incoming)]) {
    if (typeof other !== 'string' || other === '' || other === found) continue;
    if (found !== undefined) {
      throw fail('invalid_api_key', 'the request carries two different keys; send one');
    }
    found = other;
  }
  return found;
}

function bearer(header: string | string[] | undefined): string | undefined {
  if (typeof header !== 'string' || header.length < 8) return undefined;
  const scheme = header.slice(0, 7);
  if (scheme !== 'Bearer ' && scheme.toLowerCase() !== 'bearer ') return undefined;
  // A key of nothing but odd spaces is none.
  return header.slice(7).trim() || undefined;
}

function queryKeys(incoming: Incoming): readonly string[] {
  return incoming.query?.getAll('key') ?? none;
}

const none: readonly string[] = [];
