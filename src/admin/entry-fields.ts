/** What all entries of the directory have in common, as the admin API shows and makes them. */
import type { DirectoryEntry } from '../core/directory.ts';

export function keptFields({
  active,
  createdAtMs,
  version,
}: Pick<DirectoryEntry, 'active' | 'createdAtMs' | 'version'>) {
  return { active, createdAt: new Date(createdAtMs).toISOString(), version };
}

/** A new one. Version and time are the directory's to say. */
export function made<Fields extends object>(
  fields: Fields,
): Fields & { readonly version: number; readonly createdAtMs: number; readonly active: boolean } {
  return { ...fields, version: 0, createdAtMs: 0, active: true };
}

/** The entry with what the change names. */
export function merged<Entry extends DirectoryEntry>(
  entry: Entry,
  change: { readonly [Field in keyof Entry]?: Entry[Field] | undefined },
): Entry {
  return {
    ...entry,
    ...Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)),
  };
}
