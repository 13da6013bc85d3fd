/** Pages of the directory, of what a caller may see: nothing of what lies between is told, not even in the cursor. */
import type { DirectoryEntry, DirectoryKind, DirectoryQuestion } from '../core/directory.ts';
import { fail } from '../core/failure.ts';
import type { Directory } from '../core/ports.ts';
import { plainText } from './route.ts';

export interface EntryPageQuestion {
  readonly kind: DirectoryKind;
  /** All where absent. */
  readonly tenant: string | undefined;
  readonly after: string | undefined;
  readonly limit: number;
  readonly isVisible: (entry: DirectoryEntry) => boolean;
}

export interface EntryPage {
  readonly entries: readonly DirectoryEntry[];
  readonly next: string | undefined;
}

const rowsMax = 500;

export async function readEntryPage(directory: Directory, question: EntryPageQuestion): Promise<EntryPage> {
  const { kind, tenant, limit, isVisible } = question;
  const found: DirectoryEntry[] = [];
  let after = question.after === undefined ? undefined : readCursor(question.after);
  // As many steps as a tenant may have entries of a kind, divided by `rowsMax`: what is not visible costs reading alone.
  for (;;) {
    const asked: DirectoryQuestion = {
      kind,
      rowsMax,
      ...(tenant === undefined ? {} : { tenant }),
      ...(after === undefined ? {} : { after }),
    };
    const rows = await directory.page(asked);
    found.push(...rows.filter(isVisible));
    const last = rows.at(-1);
    if (found.length > limit || last === undefined || rows.length < rowsMax) break;
    after = { tenant: last.tenant, name: last.name };
  }
  const entries = found.slice(0, limit);
  const last = entries.at(-1);
  return { entries, next: found.length > limit && last !== undefined ? writeCursor(last) : undefined };
}

type Place = NonNullable<DirectoryQuestion['after']>;

function writeCursor({ tenant, name }: Place): string {
  return Buffer.from(JSON.stringify([tenant, name])).toString('base64url');
}

function readCursor(text: string): Place {
  try {
    const read: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    const [tenant, name] = Array.isArray(read) ? (read as unknown[]) : [];
    if (isPlain(tenant) && isPlain(name)) return { tenant, name };
  } catch {
    // Said below, as of every other text that is no cursor.
  }
  throw fail('invalid_request', '`after` must be what an earlier page gave as `next`', { param: 'after' });
}

/** What no database can be asked for was never in a page. */
function isPlain(value: unknown): value is string {
  return plainText.safeParse(value).success;
}
