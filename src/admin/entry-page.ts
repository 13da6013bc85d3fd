/** Pages of the directory, of what a caller may see: nothing of what lies between is told, not even in the cursor. */
import type { DirectoryEntry, DirectoryKind, DirectoryQuestion } from '../core/directory.ts';
import type { Directory } from '../core/ports.ts';
import { readCursor, writeCursor } from './cursor.ts';

export interface EntryPageQuestion {
  readonly kind: DirectoryKind;
  /** All where absent. */
  readonly tenant: string | undefined;
  /** Whose they are, where it is keys of one user alone. */
  readonly user?: string | undefined;
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
  const { kind, tenant, user, limit, isVisible } = question;
  const found: DirectoryEntry[] = [];
  let after = question.after === undefined ? undefined : placeIn(question.after);
  // As many steps as a tenant may have entries of a kind, divided by `rowsMax`: what is not visible costs reading alone.
  for (;;) {
    const asked: DirectoryQuestion = {
      kind,
      rowsMax,
      ...(tenant === undefined ? {} : { tenant }),
      ...(user === undefined ? {} : { user }),
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
  return {
    entries,
    next: found.length > limit && last !== undefined ? writeCursor([last.tenant, last.name]) : undefined,
  };
}

function placeIn(cursor: string): NonNullable<DirectoryQuestion['after']> {
  const [tenant = '', name = ''] = readCursor(cursor, 2);
  return { tenant, name };
}
