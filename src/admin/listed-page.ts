/** Pages of what is known as a whole, in the order of its names: asked for as pages of everything else are. */
import { z } from 'zod';
import { readCursor, writeCursor } from './cursor.ts';

/** Of every listing; those of tenants take `tenant` beside it. */
export const paging = {
  after: z.string().max(1_500).optional().describe('What the page before gave as `next`.'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
};

export const listQuery = z.strictObject(paging);

/** Give it as `after` for the next page; absent on the last. */
export const next = z.string().optional();

export interface Page<Item> {
  readonly items: Item[];
  readonly next?: string;
}

/** `namesOf` tells each from all others, with as many names for each. */
export function pageOfAll<Item>(
  all: readonly Item[],
  { after, limit }: z.output<typeof listQuery>,
  namesOf: (item: Item) => readonly string[],
): Page<Item> {
  const named = all.map((item) => ({ item, names: namesOf(item) }));
  named.sort((one, other) => compareNames(one.names, other.names));
  const count = named[0]?.names.length ?? 0;
  const from = after === undefined || count === 0 ? undefined : readCursor(after, count);
  const left = from === undefined ? named : named.filter(({ names }) => compareNames(names, from) > 0);
  const page = left.slice(0, limit);
  const last = page.at(-1);
  const items = page.map(({ item }) => item);
  return left.length > limit && last !== undefined ? { items, next: writeCursor(last.names) } : { items };
}

function compareNames(one: readonly string[], other: readonly string[]): number {
  const at = one.findIndex((name, index) => name !== other[index]);
  if (at < 0) return 0;
  return (one[at] ?? '') < (other[at] ?? '') ? -1 : 1;
}
