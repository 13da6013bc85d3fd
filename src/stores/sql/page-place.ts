/** Where a page of the ledger ended, as text that a client hands back. */
import { fail } from '../../core/failure.ts';

export interface PagePlace {
  readonly atMs: number;
  readonly id: string;
}

const placeCharsMax = 1_024;

export function writePlace({ atMs, id }: PagePlace): string {
  return Buffer.from(`${atMs}:${id}`).toString('base64url');
}

export function readPlace(text: string): PagePlace {
  const plain = text.length <= placeCharsMax ? Buffer.from(text, 'base64url').toString() : '';
  const [, at, id] = /^(-?\d{1,16}):([^\0]+)$/s.exec(plain) ?? [];
  if (at !== undefined && id !== undefined && Number.isSafeInteger(Number(at)))
    return { atMs: Number(at), id };
  throw fail('invalid_request', '`after` must be what an earlier page gave as `next`', { param: 'after' });
}
