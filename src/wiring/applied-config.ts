/**
 * What was applied over the configuration's file: a history in the store whose newest version is in force on every
 * gateway. A file that changes afterwards is a version too, and so the last one written holds, wherever it was written.
 */
import type { Configuration, Inspect } from '../config/configuration.ts';
import { hotTextOf } from '../config/hot-text-of.ts';
import type { LoadedConfig } from '../config/load.ts';
import { listed } from '../config/named-addresses.ts';
import { proposedName } from '../config/problem.ts';
import type { AppliedText } from '../config/sources.ts';
import type { ConfigVersion, ConfigVersionDraft, ConfigVersionFacts } from '../core/config-version.ts';
import { Failure, fail } from '../core/failure.ts';
import type { ConfigVersions, Presence } from '../core/ports.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { isOutage } from '../stores/sql/outage.ts';
import type { Log } from '../telemetry/log.ts';
import { AppliedCopyFile, readAppliedCopy } from './applied-copy.ts';
import type { Reloaded, Reloader } from './reload.ts';

export interface FollowOptions {
  readonly versions: ConfigVersions;
  readonly presence: Presence;
  readonly reloader: Reloader;
  readonly clock: Clock;
  readonly log: Log;
  /** Where nobody else has the database: it is opened once somebody has applied something, and never asked again. */
  readonly alone: boolean;
  /** Told once that it is known what is in force. */
  readonly onSettled?: () => void;
}

export interface ConfigChange extends Proposing {
  readonly by: string;
  readonly source: ConfigVersionDraft['source'];
  readonly note: string;
  /** Throws unless the version with this tag is the one that is meant to be changed. */
  readonly assertMatch: (tag: string) => void;
  readonly text: (before: string) => string | Promise<string>;
  /** Throws why it may not be, after all that it refers to was looked up. */
  readonly assertMay: (proposed: LoadedConfig) => void;
}

export interface Proposing {
  /** Throws why it may not be, before anything that it refers to is looked up. */
  readonly inspect: Inspect;
  /** Whether whoever proposes it answers for the addresses in it, as an owner does. */
  readonly vouches: boolean;
}

export interface Applied {
  readonly version: ConfigVersion;
  /** What became of it here. */
  readonly reloaded: Reloaded;
}

const channel = 'config';
/** A quarter more or less: gateways that started together do not ask together. */
const pollMs = 2_000;
const changesWaitingMax = 32;

export class AppliedConfig {
  readonly #configuration: Configuration;
  readonly #copy: AppliedCopyFile;
  #options: FollowOptions | undefined;
  #version: ConfigVersion | undefined;
  /** What the file said when it was looked at last. */
  #seen: string | undefined;
  /** By a file that is newer than the newest version, until that is written down. */
  #ahead: LoadedConfig | undefined;
  /** Whether the store has told what there is, or somebody found that it cannot. */
  #isSettled = false;
  #hasAsked = false;
  #changes = 0;
  #work: Promise<unknown> = Promise.resolve();
  #catchingUp: Promise<void> | undefined;
  #closed = false;
  #timer: Timer | undefined;
  #unsubscribe: () => void = () => {};

  static async open(configuration: Configuration): Promise<AppliedConfig> {
    const { data } = configuration;
    const opened = new AppliedConfig(configuration, data);
    const copy = await readAppliedCopy(data);
    opened.#version = copy?.version;
    opened.#seen = copy?.fileDigest;
    return opened;
  }

  private constructor(configuration: Configuration, data: string) {
    this.#configuration = configuration;
    this.#copy = new AppliedCopyFile(data);
  }

  /** What is in force by the file and by what is known of the history. Throws `ConfigError`. */
  load(): Promise<LoadedConfig> {
    return this.#configuration.load((fileDigest) => this.#choose(fileDigest));
  }

  /** With this text in the place of what can be applied, changing nothing. Throws `ConfigError`. */
  propose(text: string, { inspect, vouches }: Proposing): Promise<LoadedConfig> {
    const vouched = vouches ? 'all' : this.#vouched;
    return this.#configuration.propose({ text, name: proposedName, vouched }, inspect);
  }

  /** From now on every version that anybody writes is taken over here. */
  follow(options: FollowOptions): void {
    this.#options = options;
    const { presence, reloader, alone } = options;
    const hear = () => {
      if (!alone) void this.#catchUp();
    };
    this.#unsubscribe = presence.subscribe(channel, { message: hear, missed: hear });
    this.taken(reloader.loaded);
    if (alone && this.#version === undefined) this.#settle();
    else void this.#catchUp();
  }

  /** Told of each configuration that has come into force here. */
  taken(loaded: LoadedConfig): void {
    if (this.#options === undefined) return;
    const { half } = loaded;
    const { fileDigest } = half;
    const version = this.#version;
    const isNewer = version !== undefined && half.applied === undefined && fileDigest !== version.fileDigest;
    if (isNewer && this.#ahead?.half.fileDigest !== fileDigest) this.#letFileWin(loaded);
    if (!isNewer) this.#ahead = undefined;
    const hasChanged = fileDigest !== this.#seen;
    this.#seen = fileDigest;
    if (hasChanged) void this.#keepCopy();
  }

  /** Whether it is known what is in force, as far as anybody can tell. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Nothing where nobody ever applied anything. */
  get version(): ConfigVersionFacts | undefined {
    return this.#version;
  }

  /** Of what is in force: what a change is meant for. */
  get tag(): string {
    const number = this.#version?.number ?? 0;
    const file = this.#ahead?.half.fileDigest ?? (number === 0 ? (this.#seen ?? '') : '');
    return file === '' ? `"${number}"` : `"${number}-${file}"`;
  }

  /** Throws `ConfigError` where it is wrong, and `dependency_unavailable` where it cannot be kept: then nothing has changed. */
  async change(change: ConfigChange): Promise<Applied> {
    if (this.#changes >= changesWaitingMax) {
      throw fail('conflict', `${changesWaitingMax} changes of the configuration wait already: try again`);
    }
    this.#changes += 1;
    try {
      return await this.#inTurn(() => this.#change(change));
    } finally {
      this.#changes -= 1;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#unsubscribe();
    await this.#work;
    await this.#copy.close();
  }

  /** Of a version from before anybody asked who had named them, those that it has. */
  get #vouched(): readonly string[] {
    const { vouched = [] } = this.#version ?? {};
    return vouched === 'all' ? listed(this.#following().reloader.loaded.config) : vouched;
  }

  #settle(): void {
    if (!this.#isSettled) this.#following().onSettled?.();
    this.#isSettled = true;
  }

  #choose(fileDigest: string): AppliedText | undefined {
    const version = this.#version;
    if (version === undefined || this.#ahead?.half.fileDigest === fileDigest) return undefined;
    const isOfVersion = fileDigest === version.fileDigest;
    if (!isOfVersion && fileDigest !== this.#seen) return undefined;
    if (isOfVersion && version.source === 'file') return undefined;
    return { text: version.text, name: `version ${version.number}`, vouched: version.vouched };
  }

  async #change(change: ConfigChange): Promise<Applied> {
    const options = this.#following();
    const { reloader, clock, presence } = options;
    await this.#lookForNewer(options);
    change.assertMatch(this.tag);
    const before = this.#version?.text ?? (await hotTextOf(reloader.loaded)).text;
    const text = await change.text(before);
    const proposed = await this.propose(text, change);
    change.assertMay(proposed);
    const { by, source, note } = change;
    // So that the way back to what the file said is there too.
    this.#version ??= await options.versions.append(await draftOf(reloader.loaded, clock), 0);
    const { number, fileDigest } = this.#version;
    // Who is no owner keeps what owners answered for, and adds nothing to it.
    const vouched = change.vouches ? listed(proposed.config) : this.#vouched;
    const { masked } = await hotTextOf(proposed);
    const atMs = Math.trunc(clock.wall());
    const draft = { atMs, by, source, note, fileDigest, masked, text, vouched };
    this.#version = await options.versions.append(draft, number);
    const version = this.#version;
    await this.#keepCopy();
    const reloaded = await reloader.reload(`version ${version.number}`);
    void presence.publish(channel, String(version.number));
    return { version, reloaded };
  }

  /** Never rejects. Whoever comes while one waits is served by it. */
  #catchUp(): Promise<void> {
    this.#catchingUp ??= this.#inTurn(async () => {
      this.#catchingUp = undefined;
      if (this.#closed) return;
      const options = this.#following();
      await this.#lookForNewer(options).catch((thrown: unknown) => tellOfMistake(options.log, thrown));
      this.#settle();
      this.#timer?.cancel();
      if (this.#closed || (options.alone && this.#ahead === undefined)) return;
      const ms = pollMs * (0.75 + Math.random() / 2);
      this.#timer = options.clock.after(ms, () => void this.#catchUp());
    });
    return this.#catchingUp;
  }

  async #lookForNewer(options: FollowOptions): Promise<void> {
    const { versions, reloader } = options;
    const [newest] = await versions.page({ rowsMax: 1 });
    const before = this.#version;
    if (newest === undefined && before !== undefined) {
      // The store was emptied: what is in force begins its history anew.
      this.#version = await versions.append(before, 0);
    } else if (newest !== undefined && !isSame(newest, before)) {
      const version = await versions.find(newest.number);
      if (version !== undefined) this.#learn(version, reloader.loaded);
      if (this.#ahead === undefined) await reloader.reload(`version ${newest.number}`);
      await this.#keepCopy();
    }
    this.#hasAsked = true;
    if (this.#ahead !== undefined) await this.#writeDownFile(this.#ahead, options);
  }

  #learn(version: ConfigVersion, inForce: LoadedConfig): void {
    const isNew = this.#version === undefined && !this.#hasAsked;
    this.#version = version;
    const { fileDigest } = this.#ahead?.half ?? inForce.half;
    if (fileDigest === version.fileDigest) this.#ahead = undefined;
    // Whoever starts with no memory of the file cannot know which came first: he was given this one, and means it.
    else if (isNew) this.#letFileWin(inForce);
  }

  #letFileWin(loaded: LoadedConfig): void {
    this.#ahead = loaded;
    const { log } = this.#following();
    const version = this.#version?.number;
    log.warn({ version }, 'the file has changed since this version was written: the file is in force again');
    void this.#catchUp();
  }

  async #writeDownFile(ahead: LoadedConfig, { versions, presence, clock }: FollowOptions): Promise<void> {
    this.#version = await versions.append(await draftOf(ahead, clock), this.#version?.number ?? 0);
    this.#ahead = undefined;
    await this.#keepCopy();
    void presence.publish(channel, String(this.#version.number));
  }

  /** What the file says anew is kept as seen once it is a version: who dies before that finds it changed again. */
  async #keepCopy(): Promise<void> {
    const { log } = this.#following();
    if (this.#version === undefined || this.#seen === undefined || this.#ahead !== undefined) return;
    const copy = { version: this.#version, fileDigest: this.#seen };
    await this.#copy
      .write(copy)
      .catch(({ message }: Error) =>
        log.warn({ message }, 'the copy of the applied configuration cannot be written'),
      );
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
  }

  #following(): FollowOptions {
    if (this.#options === undefined) throw new TypeError('nothing is followed yet');
    return this.#options;
  }
}

async function draftOf(loaded: LoadedConfig, clock: Clock): Promise<ConfigVersionDraft> {
  const { fileDigest } = loaded.half;
  return {
    atMs: Math.trunc(clock.wall()),
    by: 'file',
    source: 'file',
    note: '',
    fileDigest,
    // The file answers for its own.
    vouched: [],
    ...(await hotTextOf(loaded)),
  };
}

function isSame(one: ConfigVersionFacts, other: ConfigVersionFacts | undefined): boolean {
  return one.number === other?.number && one.atMs === other.atMs && one.by === other.by;
}

/** Of an outage the store itself tells; somebody who was faster is looked for at the next time. */
function tellOfMistake(log: Log, thrown: unknown): void {
  if (isOutage(thrown) || (thrown instanceof Failure && thrown.code === 'precondition_failed')) return;
  const message = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  log.error({ message }, 'the history of the configuration cannot be read');
}
