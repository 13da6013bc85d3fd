/** All pages of a listing of the admin API, as far as a terminal is read. */
import { z } from 'zod';
import { type AdminPlace, askAdmin } from './admin-client.ts';

const rowsPerPage = 500;
const rowsMax = 10_000;

export interface Listed<Item> {
  readonly items: readonly Item[];
  /** Whether there are more than these. */
  readonly more: boolean;
}

export async function askPages<Item extends z.ZodType>(
  place: AdminPlace,
  { path, item, query }: { path: string; item: Item; query: Readonly<Record<string, string | undefined>> },
): Promise<Listed<z.output<Item>>> {
  const shape = z.object({ items: z.array(item), next: z.string().optional() });
  const pages = await askAllPages(place, { path, shape, query });
  const items = pages.flatMap((page) => page.items as z.output<Item>[]);
  return { items, more: pages.at(-1)?.next !== undefined };
}

/** The pages themselves, of listings that say more than their items. */
export async function askAllPages<Shape extends z.ZodType<{ readonly next?: string | undefined }>>(
  place: AdminPlace,
  {
    path,
    shape,
    query = {},
    alsoRead = [],
  }: {
    path: string;
    shape: Shape;
    query?: Readonly<Record<string, string | undefined>>;
    /** Statuses whose answer is a page as well. */
    alsoRead?: readonly number[];
  },
): Promise<readonly z.output<Shape>[]> {
  const pages: z.output<Shape>[] = [];
  let after: string | undefined;
  do {
    const asked = queryText({ ...query, limit: String(rowsPerPage), after });
    const page = await askAdmin(place, { path: `${path}${asked}`, shape, alsoRead });
    pages.push(page);
    after = page.next;
  } while (after !== undefined && pages.length < rowsMax / rowsPerPage);
  return pages;
}

/** With its question mark, or empty. */
export function queryText(query: Readonly<Record<string, string | undefined>>): string {
  const said = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  const text = new URLSearchParams(said as [string, string][]).toString();
  return text === '' ? '' : `?${text}`;
}
