/**
 * The keys of the directory, as requests meet them: from memory alone. A key that was found is found by itself from then
 * on; of one that is not known `UnknownKeys` tells whether it is none.
 */
import type { DirectoryChanges, DirectoryEntry, DirectoryPlace, KeyUse } from '../core/directory.ts';
import type { Principal } from '../core/exchange.ts';
import type { KeyStore } from '../core/ports.ts';
import type { Clock } from '../lib/clock.ts';
import { isShapedLikeKey } from './api-key.ts';
import type { Digester } from './digester.ts';
import type { FoundKey, KeyIndex } from './key-index.ts';
import { type UnknownKeys, unknowable } from './unknown-keys.ts';

export interface StoredKeysOptions {
  readonly clock: Clock;
  /** Empty. */
  readonly index: KeyIndex;
  /** Nothing where no pepper is known: then none of the keys can be told. */
  readonly digester: Digester | undefined;
  /** How long keys that are known go on while nobody confirms them. */
  readonly knownForMs: number;
  readonly unknown: Pick<UnknownKeys, 'ask' | 'assertTold'>;
}

/** Keys that were found lately; beyond it they are all looked up anew. */
const seenMax = 100_000;
/** How exact the last use of a key is. */
const useExactMs = 60_000;

interface Seen extends FoundKey {
  /** When its use was last noted, by the monotonic clock. */
  notedAtMs: number;
}

export class StoredKeys implements KeyStore {
  readonly #clock: Clock;
  readonly #unknown: StoredKeysOptions['unknown'];
  #index: KeyIndex;
  #digester: Digester | undefined;
  #knownForMs: number;
  #seen = new Map<string, Seen>();
  #changes = 0;
  #uses = new Map<string, KeyUse>();
  /** Keys by peppers that are not known here. */
  #foreign = 0;
  #knownUntilMs = Number.NEGATIVE_INFINITY;
  #confirmedAtMs = Number.NEGATIVE_INFINITY;

  constructor({ clock, index, digester, knownForMs, unknown }: StoredKeysOptions) {
    this.#clock = clock;
    this.#unknown = unknown;
    this.#index = index;
    this.#digester = digester;
    this.#knownForMs = knownForMs;
  }

  find(credential: string): Principal | undefined | Promise<Principal | undefined> {
    if (!isShapedLikeKey(credential)) return undefined;
    const found = this.#lookUp(credential);
    if (found !== undefined) return found;
    const asked = this.#unknown.ask();
    return asked === undefined ? this.#none() : asked.then(() => this.#lookUp(credential) ?? this.#none());
  }

  /** Of a key that was found before, and costs no more than to be looked up by itself. */
  findAgain(credential: string): Principal | undefined {
    const seen = this.#seen.get(credential);
    return seen !== undefined && this.#clock.wall() < seen.untilMs ? this.#admit(seen) : undefined;
  }

  /** A tenant, team or user, as far as it is known here. */
  entry(place: DirectoryPlace): DirectoryEntry | undefined {
    return this.#index.entry(place);
  }

  /** For how many days a tenant has prompts and answers kept; 0 for not at all. */
  contentDays(tenant: string): number {
    return this.#index.contentDays(tenant);
  }

  entries(): readonly DirectoryEntry[] {
    return [...this.#index.entries()];
  }

  /** How often something here has changed. */
  get changes(): number {
    return this.#changes;
  }

  /** Whether it was ever known which there are. */
  get areKnown(): boolean {
    return this.#confirmedAtMs !== Number.NEGATIVE_INFINITY;
  }

  /** How many keys are there that nobody here can tell. */
  get foreign(): number {
    return this.#foreign;
  }

  apply(changes: Pick<DirectoryChanges, 'entries' | 'gone'>): void {
    if (changes.entries.length + changes.gone.length === 0) return;
    this.#index.apply(changes);
    this.#changed();
  }

  /** Another index in place of this one. */
  replace(index: KeyIndex): void {
    this.#index = index;
    this.#changed();
  }

  use({ digester, knownForMs }: Pick<StoredKeysOptions, 'digester' | 'knownForMs'>): void {
    this.#digester = digester;
    this.#knownForMs = knownForMs;
    this.#knownUntilMs = this.#confirmedAtMs + knownForMs;
    this.#changed();
  }

  /** What is known was so at that time, by the monotonic clock; Infinity where nobody else can change it. */
  confirm(atMs: number): void {
    this.#confirmedAtMs = atMs;
    this.#knownUntilMs = atMs + this.#knownForMs;
  }

  /**
   * When keys were last used, of those used since the last time, so many at once; none when these were all. One that is gone
   * may be made anew, and is then unused.
   */
  takeUses(countMax: number): readonly KeyUse[] {
    const uses: KeyUse[] = [];
    for (const [name, use] of this.#uses) {
      if (uses.length === countMax) break;
      this.#uses.delete(name);
      if (this.entry({ kind: 'key', ...use }) !== undefined) uses.push(use);
    }
    return uses;
  }

  /** Those that could not be kept. */
  giveBack(uses: readonly KeyUse[]): void {
    for (const use of uses) if (!this.#uses.has(nameOf(use))) this.#uses.set(nameOf(use), use);
  }

  #lookUp(credential: string): Principal | undefined {
    for (const digest of this.#digester?.candidates(credential) ?? []) {
      const found = this.#index.find(digest);
      if (found === undefined || this.#clock.wall() >= found.untilMs) continue;
      if (this.#seen.size >= seenMax) this.#seen.clear();
      const seen = { ...found, notedAtMs: Number.NEGATIVE_INFINITY };
      this.#seen.set(credential, seen);
      return this.#admit(seen);
    }
    return undefined;
  }

  #none(): undefined {
    this.#unknown.assertTold();
    if (this.#foreign === 0) return undefined;
    throw unknowable(
      'there are keys that this gateway cannot check: they were made with another `identity.pepper`',
    );
  }

  #admit(seen: Seen): Principal {
    const nowMs = this.#clock.now();
    if (nowMs >= this.#knownUntilMs) {
      throw unknowable('the keys in the store could not be read for too long; try again shortly');
    }
    if (nowMs - seen.notedAtMs >= useExactMs) {
      seen.notedAtMs = nowMs;
      const { tenant, name } = seen.entry;
      this.#uses.set(nameOf(seen.entry), { tenant, name, usedAtMs: Math.trunc(this.#clock.wall()) });
    }
    return seen.principal;
  }

  #changed(): void {
    this.#changes += 1;
    this.#seen = new Map();
    this.#foreign = this.#index.keysBeyond((fingerprint) => this.#digester?.knows(fingerprint) === true);
  }
}

function nameOf({ tenant, name }: { tenant: string; name: string }): string {
  return `${tenant} ${name}`;
}
