/** The directory in memory: found by a key's digest, and by name. Holds no time: what ends is told with when. */
import type { DirectoryChanges, DirectoryEntry, DirectoryPlace, KeyEntry } from '../core/directory.ts';
import type { Principal, Role } from '../core/exchange.ts';
import { type CompileAddresses, compileScopes } from './compile-scopes.ts';
import { fingerprintOf } from './digester.ts';
import { roles } from './options.ts';

export interface FoundKey {
  readonly entry: KeyEntry;
  readonly principal: Principal;
  /** From then on it opens no more; Infinity for never. */
  readonly untilMs: number;
}

export class KeyIndex {
  readonly #compileAddresses: CompileAddresses;
  readonly #byPlace = new Map<string, DirectoryEntry>();
  /** Both of a key that was rotated. */
  readonly #byDigest = new Map<string, KeyEntry>();
  /** Of tenants that have prompts and answers kept, for how many days. */
  readonly #contentDays = new Map<string, number>();
  /** How many keys were made with each pepper. */
  readonly #peppers = new Map<string, number>();

  constructor(compileAddresses: CompileAddresses) {
    this.#compileAddresses = compileAddresses;
  }

  entries(): IterableIterator<DirectoryEntry> {
    return this.#byPlace.values();
  }

  entry(place: DirectoryPlace): DirectoryEntry | undefined {
    return this.#byPlace.get(nameOf(place));
  }

  contentDays(tenant: string): number {
    return this.#contentDays.size === 0 ? 0 : (this.#contentDays.get(tenant) ?? 0);
  }

  apply({ entries, gone }: Pick<DirectoryChanges, 'entries' | 'gone'>): void {
    for (const place of gone) this.#forget(nameOf(place));
    for (const entry of entries) this.#keep(entry);
  }

  /** How many keys there are by peppers of which this is not true. */
  keysBeyond(isKnown: (fingerprint: string) => boolean): number {
    let keys = 0;
    for (const [fingerprint, count] of this.#peppers) if (!isKnown(fingerprint)) keys += count;
    return keys;
  }

  /** Nothing where the key, its user, team or tenant is not there or is switched off. */
  find(digest: string): FoundKey | undefined {
    const entry = this.#byDigest.get(digest);
    if (entry === undefined || !entry.active || !this.#isActive({ ...entry, kind: 'tenant', name: '' })) {
      return undefined;
    }
    const { tenant, name } = entry;
    const owner = this.#ownerOf(entry);
    if (owner === undefined) return undefined;
    const { user, team, role } = owner;
    const scopes = compileScopes(entry.scopes, this.#compileAddresses);
    return {
      entry,
      principal: { keyName: name, tenant, team, user, role, ...(scopes === undefined ? {} : { scopes }) },
      untilMs: Math.min(
        entry.expiresAtMs || Number.POSITIVE_INFINITY,
        entry.digest === digest ? Number.POSITIVE_INFINITY : entry.previousUntilMs,
      ),
    };
  }

  /** What is switched off stays known by name: a token of that user is refused, and not taken for a stranger's. */
  #keep(entry: DirectoryEntry): void {
    const place = nameOf(entry);
    this.#forget(place);
    this.#byPlace.set(place, entry);
    if (entry.kind === 'tenant' && entry.keepContentDays > 0) {
      this.#contentDays.set(entry.tenant, entry.keepContentDays);
    }
    if (entry.kind !== 'key') return;
    this.#count(entry, 1);
    this.#byDigest.set(entry.digest, entry);
    if (entry.previousDigest !== '') this.#byDigest.set(entry.previousDigest, entry);
  }

  #forget(place: string): void {
    const before = this.#byPlace.get(place);
    this.#byPlace.delete(place);
    if (before?.kind === 'tenant') this.#contentDays.delete(before.tenant);
    if (before?.kind !== 'key') return;
    this.#count(before, -1);
    this.#byDigest.delete(before.digest);
    this.#byDigest.delete(before.previousDigest);
  }

  #count({ digest }: KeyEntry, by: 1 | -1): void {
    const fingerprint = fingerprintOf(digest);
    this.#peppers.set(fingerprint, (this.#peppers.get(fingerprint) ?? 0) + by);
  }

  #isActive(place: DirectoryPlace): boolean {
    return this.entry(place)?.active === true;
  }

  #ownerOf(key: KeyEntry): Pick<Principal, 'user' | 'team' | 'role'> | undefined {
    const owner = this.#userOf(key);
    if (owner === undefined) return undefined;
    const { tenant } = key;
    return owner.team === '' || this.#isActive({ kind: 'team', tenant, name: owner.team })
      ? owner
      : undefined;
  }

  #userOf({ tenant, user, team, role }: KeyEntry): Pick<Principal, 'user' | 'team' | 'role'> | undefined {
    if (user === '') return { user, team, role };
    const owner = this.entry({ kind: 'user', tenant, name: user });
    if (owner?.kind !== 'user' || !owner.active) return undefined;
    return { user, team: owner.team, role: lesser(role, owner.role) };
  }
}

/** A key never may more than its user: who was made less is less with every key. */
function lesser(one: Role, other: Role): Role {
  return roles.indexOf(one) >= roles.indexOf(other) ? one : other;
}

function nameOf({ kind, tenant, name }: DirectoryPlace): string {
  return `${kind} ${tenant} ${name}`;
}
