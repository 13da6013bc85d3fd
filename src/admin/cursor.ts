/** Where a page ended, as text that a client hands back: the names of what stood last on it. */
import { fail } from '../core/failure.ts';
import { plainText } from './route.ts';

export function writeCursor(names: readonly string[]): string {
  return Buffer.from(JSON.stringify(names)).toString('base64url');
}

/** Of so many names. */
export function readCursor(text: string, count: number): readonly string[] {
  const names = namesIn(text);
  if (names?.length === count) return names;
  throw fail('invalid_request', '`after` must be what an earlier page gave as `next`', { param: 'after' });
}

function namesIn(text: string): readonly string[] | undefined {
  try {
    const read: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    return Array.isArray(read) && read.every(isPlain) ? read : undefined;
  } catch {
    return undefined;
  }
}

/** What no database can be asked for was never in a page. */
function isPlain(value: unknown): value is string {
  return plainText.safeParse(value).success;
}
