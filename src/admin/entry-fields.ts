/** What all entries of the directory have in common, as the admin API shows and makes them. */
import type { DirectoryEntry, TeamEntry, UserEntry } from '../core/directory.ts';
import type { AdminActor } from './actor.ts';

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

/** Where it is switched off it says by whom, unless that was somebody who may change everybody. */
export function switched<Entry extends TeamEntry | UserEntry>(
  entry: Entry,
  change: { readonly active?: boolean | undefined } & Parameters<typeof merged<Entry>>[1],
  { role }: Pick<AdminActor, 'role'>,
): Entry {
  const after = merged(entry, change);
  if (after.active || (change.active === false && role === 'owner')) return { ...after, offBy: undefined };
  return entry.active ? { ...after, offBy: role } : after;
}
