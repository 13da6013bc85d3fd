/**
 * The directory, known in memory by every gateway: read whole in the background at the start, and then what has changed, at
 * once when another gateway tells of it or somebody has a key that is not known here, and by asking every two seconds where
 * somebody else may have changed it. Until it was read, what stands in the snapshot beside the gateway is known.
 */
import type { Config, HotConfig } from '../config/schema.ts';
import type { DirectoryEntry } from '../core/directory.ts';
import type { Directory, KeyUses, Presence } from '../core/ports.ts';
import type { Digester } from '../identity/digester.ts';
import { KeyIndex } from '../identity/key-index.ts';
import { StoredKeys } from '../identity/stored-keys.ts';
import { UnknownKeys } from '../identity/unknown-keys.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { compileAddresses } from '../net/compile-addresses.ts';
import { isOutage } from '../stores/sql/outage.ts';
import type { Log } from '../telemetry/log.ts';
import { Peppers } from './peppers.ts';
import { SnapshotFile } from './snapshot-file.ts';
import type { Among } from './workers/among.ts';

export interface FollowedDirectoryOptions {
  readonly config: Pick<Config, 'data' | 'store' | 'identity'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: { readonly directory: Directory; readonly keyUses: KeyUses };
  readonly presence: Presence;
  /** Who has the database and the data folder as well, if anybody does. */
  readonly among?: Pick<Among, 'role'> | undefined;
}

const channel = 'directory';
/** A quarter more or less: gateways that started together do not ask together. */
const pollMs = 2_000;
/** After a reading that failed, and twice as long after each that fails after it. */
const retryMs = 250;
/** What was taken out is told for two days: whoever was away for longer than this reads everything. */
const deltasForMs = 12 * 3_600_000;
const pageRows = 500;
const usesEveryMs = 60_000;
/** Of many: requests have their turn in between. */
const usesAtOnce = 200;
/** What nobody has confirmed for longer is not written as if it were new. */
const worthKeepingForMs = 60_000;

export async function openFollowedDirectory(options: FollowedDirectoryOptions): Promise<FollowedDirectory> {
  const peppers = await Peppers.open(options.config.data);
  const followed = new FollowedDirectory(options, peppers);
  await followed.start();
  return followed;
}

export class FollowedDirectory {
  readonly keys: StoredKeys;
  readonly unknown: UnknownKeys;
  /** Whoever changes it here is known here when it resolves, and everywhere soon after. */
  readonly directory: Directory;
  readonly #options: FollowedDirectoryOptions;
  readonly #peppers: Peppers;
  readonly #file: SnapshotFile<DirectoryEntry>;
  /** Where nobody else has the database. */
  readonly #alone: boolean;
  #identity: HotConfig['identity'];
  #digester: Digester | undefined;
  #version = 0;
  /** By the wall clock: a machine that slept has slept through changes. */
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  /** Begins when that has ended. */
  #next: Promise<void> | undefined;
  #failed = 0;
  #following = false;
  #closed = false;
  #foreignTold = 0;
  #unsubscribe: () => void = () => {};
  readonly #timers = new Map<'poll' | 'uses', Timer>();

  constructor(options: FollowedDirectoryOptions, peppers: Peppers) {
    const { config, clock, store, among } = options;
    this.#options = options;
    this.#peppers = peppers;
    this.#alone = config.store === 'sqlite' && among === undefined;
    this.#identity = config.identity;
    this.#digester = peppers.find(config.identity);
    this.unknown = new UnknownKeys({ clock, read: () => this.#catchUp() });
    this.keys = new StoredKeys({
      clock,
      unknown: this.unknown,
      index: new KeyIndex(compileAddresses),
      digester: this.#digester,
      knownForMs: config.identity.knownForMs,
    });
    this.#file = new SnapshotFile({
      ...options,
      of: 'keys',
      isKept: among?.role !== 'worker',
      known: () => Promise.resolve(this.#worthKeeping()),
    });
    this.directory = {
      find: (place) => store.directory.find(place),
      page: (question) => store.directory.page(question),
      put: (...asked) => this.#change(() => store.directory.put(...asked)),
      remove: (...asked) => this.#change(() => store.directory.remove(...asked)),
      changes: (since, rowsMax) => store.directory.changes(since, rowsMax),
    };
  }

  async start(): Promise<void> {
    this.#unsubscribe = this.#options.presence.subscribe(channel, {
      message: () => this.#hear(),
      missed: () => this.#hear(),
    });
    if (this.#alone && this.#digester === undefined) {
      // Nobody has ever made a key here: there is nothing to know, and no database to open for it.
      this.#confirm(this.#options.clock.now());
      return;
    }
    await this.#readSnapshot();
    this.#follow();
  }

  /** What new keys are hashed with: made now where there is none yet. */
  async digester(): Promise<Digester> {
    this.#digester ??= await this.#peppers.findOrMake(this.#identity);
    this.keys.use({ digester: this.#digester, knownForMs: this.#identity.knownForMs });
    return this.#digester;
  }

  /** Nothing where there is none yet. */
  get digesterNow(): Digester | undefined {
    return this.#digester;
  }

  /** What files beside the gateway are signed with. Nobody else has the database where there is none: nothing is to be survived. */
  async signer(): Promise<Digester | undefined> {
    return this.#digester ?? (this.#alone ? undefined : await this.digester());
  }

  /** After a reload. */
  reconfigure(identity: HotConfig['identity']): void {
    this.#identity = identity;
    this.#digester = this.#peppers.find(identity);
    this.keys.use({ digester: this.#digester, knownForMs: identity.knownForMs });
    this.#tellOfForeignKeys();
    if (this.#following) this.#file.writeSoon();
    else if (this.#digester !== undefined) this.#follow();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    for (const timer of this.#timers.values()) timer.cancel();
    await (this.#next ?? this.#reading);
    await this.#noteUses();
    await this.#file.close();
  }

  async #change<T>(work: () => Promise<T>): Promise<T> {
    // With a pepper there is something to know at the next start, whatever it is that is made first.
    await this.digester();
    const result = await work();
    this.#following = true;
    await this.#catchUp();
    void this.#options.presence.publish(channel, String(this.#version));
    return result;
  }

  #hear(): void {
    if (this.#following) void this.#catchUp();
  }

  #follow(): void {
    this.#following = true;
    void this.#catchUp();
  }

  /** Never rejects. Whoever comes while one runs is served by the next, which begins after his change. */
  #catchUp(): Promise<void> {
    if (this.#reading === undefined) return this.#read();
    this.#next ??= this.#reading.then(() => this.#reading ?? this.#read());
    return this.#next;
  }

  #read(): Promise<void> {
    this.#next = undefined;
    if (this.#closed) {
      // The admin listener ends after this: what it is shown may have been made elsewhere since.
      this.unknown.doubt();
      return Promise.resolve();
    }
    this.#reading = this.#readChanges().then((caughtUp) => {
      this.#reading = undefined;
      this.#failed = caughtUp ? 0 : this.#failed + 1;
      if (!this.#closed) this.#readLater();
    });
    return this.#reading;
  }

  #readLater(): void {
    if (!this.#timers.has('uses')) this.#after('uses', usesEveryMs, () => this.#noteUsesAgain());
    if (this.#failed === 0 && this.#alone) return;
    const ms = this.#failed === 0 ? pollMs : Math.min(pollMs, retryMs * 2 ** (this.#failed - 1));
    this.#after('poll', ms * (0.75 + Math.random() / 2), () => void this.#catchUp());
  }

  /** Whether it is known now what there is. */
  async #readChanges(): Promise<boolean> {
    const { clock } = this.#options;
    const startMs = clock.now();
    const startWallMs = clock.wall();
    let mayBeBehind: boolean;
    try {
      mayBeBehind = await this.#readAll(startWallMs);
    } catch (thrown) {
      this.unknown.doubt();
      this.#tellOfMistake(thrown, 'the keys in the store cannot be read');
      return false;
    }
    this.#askedAtMs = startWallMs;
    this.#confirm(startMs);
    if (mayBeBehind) this.unknown.doubt();
    this.#tellOfForeignKeys();
    return !mayBeBehind;
  }

  #confirm(atMs: number): void {
    this.keys.confirm(this.#alone ? Number.POSITIVE_INFINITY : atMs);
    this.unknown.confirm({ isAlone: this.#alone });
  }

  /** Whether there may be more elsewhere. */
  async #readAll(wallMs: number): Promise<boolean> {
    const whole = this.#version === 0 || Math.abs(wallMs - this.#askedAtMs) > deltasForMs;
    return (whole ? undefined : await this.#readDeltas()) ?? (await this.#readWhole());
  }

  /** Nothing where the store stands before what is known of it: it was restored from a copy. */
  async #readDeltas(): Promise<boolean | undefined> {
    for (;;) {
      const changes = await this.#options.store.directory.changes(this.#version, pageRows);
      if (changes.version < this.#version) return undefined;
      if (changes.version > this.#version) this.#file.writeSoon();
      this.keys.apply(changes);
      this.#version = changes.version;
      if (!changes.more) return changes.mayBeBehind;
    }
  }

  /** Beside what is known, and then in its place: half of it would refuse the other half. */
  async #readWhole(): Promise<boolean> {
    const index = new KeyIndex(compileAddresses);
    let changes = { version: 0, more: true, mayBeBehind: true };
    while (changes.more) {
      const page = await this.#options.store.directory.changes(changes.version, pageRows);
      index.apply(page);
      changes = page;
    }
    this.keys.replace(index);
    this.#version = changes.version;
    this.#file.writeSoon();
    return changes.mayBeBehind;
  }

  async #readSnapshot(): Promise<void> {
    const { clock } = this.#options;
    const found = this.#digester === undefined ? undefined : await this.#file.read(this.#digester);
    if (found === undefined) return;
    this.keys.apply({ entries: found.entries, gone: [] });
    this.#version = found.version;
    this.#askedAtMs = found.savedAtMs;
    // Whoever is not among them may have been made since: of him nobody can tell before the store was read.
    this.keys.confirm(clock.now());
  }

  #worthKeeping() {
    const isFresh = this.#alone || this.#options.clock.wall() - this.#askedAtMs < worthKeepingForMs;
    if (this.#digester === undefined || this.#version === 0 || !isFresh) return undefined;
    return { version: this.#version, entries: this.keys.entries(), digester: this.#digester };
  }

  /** Who is used while these are noted waits for the next minute, or noting would not end as long as requests come. */
  async #noteUses(): Promise<void> {
    let isFull = true;
    while (isFull) {
      const uses = this.keys.takeUses(usesAtOnce);
      if (uses.length === 0) return;
      isFull = uses.length === usesAtOnce;
      try {
        await this.#options.store.keyUses.note(uses);
      } catch (thrown) {
        this.keys.giveBack(uses);
        return this.#tellOfMistake(thrown, 'when keys were last used cannot be kept');
      }
    }
  }

  #noteUsesAgain(): void {
    void this.#noteUses();
    this.#after('uses', usesEveryMs, () => this.#noteUsesAgain());
  }

  /** Of an outage the store itself tells. */
  #tellOfMistake(thrown: unknown, what: string): void {
    if (isOutage(thrown)) return;
    const message = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    this.#options.log.error({ message }, what);
  }

  #tellOfForeignKeys(): void {
    const { foreign } = this.keys;
    if (foreign === this.#foreignTold) return;
    this.#foreignTold = foreign;
    if (foreign === 0) return;
    this.#options.log.error(
      { keys: foreign },
      'keys in the store were made with a pepper that is not known here and are answered with 503: give all gateways ' +
        'the same `identity.pepper`, the one before as `identity.previousPepper`, or make these keys anew',
    );
  }

  #after(name: 'poll' | 'uses', ms: number, run: () => void): void {
    this.#timers.get(name)?.cancel();
    this.#timers.set(name, this.#options.clock.after(ms, run));
  }
}
