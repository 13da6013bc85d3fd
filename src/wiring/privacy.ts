/** What is kept of people, in one hand: to export it, to erase it, and to let it go when its time is over. */
import type { Config } from '../config/schema.ts';
import type { Conversations, Replays } from '../core/ports.ts';
import type { Subject } from '../core/subject.ts';
import type { Clock } from '../lib/clock.ts';
import type { ContentKeeper } from '../pipeline/keep.ts';
import { type Erased, Eraser } from '../privacy/eraser.ts';
import type { ExportPlaces } from '../privacy/exporter.ts';
import { KeptContents } from '../privacy/kept-contents.ts';
import type { OpenSealers } from '../stores/sealers.ts';
import type { Store } from '../stores/sql/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { FollowedDirectory } from './followed-directory.ts';
import { Upkeep } from './upkeep.ts';

export interface PrivacyOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly sealers: OpenSealers;
  readonly followed: FollowedDirectory;
  readonly conversations: Conversations;
  readonly replays: Replays;
  readonly alone: boolean;
  /** False where another process of this gateway does what is to be done again and again. */
  readonly tends: boolean;
  /** As they stand now: a reload changes them. */
  readonly rules: () => Config['privacy'];
}

const eachMinuteMs = 60_000;
const eachHourMs = 3_600_000;
const dayMs = 86_400_000;
/** A second until they begin, and another for the store to take it. */
const othersMs = 2_000;
/** In one go: what is left waits for the next. */
const pruneRoundsMax = 200;

export class Privacy implements ContentKeeper {
  readonly contents: KeptContents;
  readonly places: ExportPlaces;
  readonly #options: PrivacyOptions;
  readonly #eraser: Eraser;
  readonly #upkeep: Upkeep;

  constructor(options: PrivacyOptions) {
    const { clock, store, sealers, conversations, replays } = options;
    const { directory } = options.followed;
    const { erasures, contents, ledger, replayFacts, audit } = store;
    this.contents = new KeptContents({
      clock,
      contents,
      sealers,
      onKept: () => this.#upkeep.wake(),
      onLost: (count, message) =>
        options.log.error({ count, message }, 'prompts and answers could not be kept'),
    });
    this.#options = options;
    this.places = { clock, directory, ledger, contents, sealers, conversations, replayFacts, audit };
    const places = { clock, erasures, sealers, directory, contents, replays, conversations };
    this.#eraser = new Eraser({ ...places, ledger: store.ledgerRetention });
    const tasks = [
      { name: 'erasing', everyMs: eachMinuteMs, run: () => this.goOn() },
      { name: 'forgetting prompts and answers', everyMs: eachMinuteMs, run: () => pruneContents(store) },
      {
        name: 'shortening the ledger',
        everyMs: eachHourMs,
        run: () => this.shortenLedger(),
      },
    ];
    this.#upkeep = new Upkeep(options, options.tends ? tasks : []);
  }

  /** Where there may be something from before. */
  start(): void {
    this.#upkeep.wake();
  }

  daysOf(tenant: string): number {
    return this.#options.followed.keys.contentDays(tenant);
  }

  add(...given: Parameters<ContentKeeper['add']>): void {
    this.contents.add(...given);
  }

  /**
   * Resolves when what was said until now is in the store, of every gateway that could write it. Others write by themselves,
   * each second: with them it takes twice that.
   */
  async settled(): Promise<void> {
    const { alone, clock } = this.#options;
    const others = alone ? undefined : new Promise<void>((resolve) => void clock.after(othersMs, resolve));
    await Promise.all([this.contents.flush(), others]);
  }

  async erase(subject: Subject): Promise<Erased> {
    this.#upkeep.wake();
    this.contents.forget(subject);
    return await this.#eraser.erase(subject);
  }

  /** With the erasures that were broken off, or may have missed something. */
  goOn(): Promise<boolean> {
    return this.#eraser.goOn();
  }

  /** Of what is older than the operator wants it kept; resolves to whether there will be more. */
  shortenLedger(): Promise<boolean> {
    const { store, rules, clock } = this.#options;
    return pruneLedger(store, rules().ledgerDays, clock.wall());
  }

  async close(): Promise<void> {
    await this.#upkeep.close();
    await this.contents.close();
  }
}

async function pruneContents({ contents }: Pick<Store, 'contents'>): Promise<boolean> {
  for (let round = 0; ; round += 1) {
    const { removed, left } = await contents.prune();
    if (removed === 0 || round >= pruneRoundsMax) return left;
  }
}

async function pruneLedger(
  { ledgerRetention }: Pick<Store, 'ledgerRetention'>,
  days: number | undefined,
  nowMs: number,
): Promise<boolean> {
  if (days === undefined) return false;
  for (let round = 0; round < pruneRoundsMax; round += 1) {
    if ((await ledgerRetention.prune(nowMs - days * dayMs)) === 0) break;
  }
  return true;
}
