/**
 * What each holder of a budget was known to have spent, in a file beside the gateway, written as the snapshot of keys is:
 * for a start at which neither what counts budgets nor the ledger can be asked. Then a part of what was left is given
 * away, and nothing that stands here is ever told as a fact.
 */
import { setImmediate } from 'node:timers/promises';
import type { Config } from '../config/schema.ts';
import type { LedgerRow } from '../core/ledger.ts';
import type { Spool } from '../core/ports.ts';
import type { Clock } from '../lib/clock.ts';
import {
  type ConfiguredBudgets,
  holdersMax,
  type KnownSpend,
  type LastLook,
  type SpentQuestion,
} from '../stores/budget-rules.ts';
import type { Log } from '../telemetry/log.ts';
import type { FollowedDirectory } from './followed-directory.ts';
import { afterMs, SnapshotFile } from './snapshot-file.ts';
import type { Among } from './workers/among.ts';

export interface KeptBudgetsOptions {
  readonly config: Pick<Config, 'data' | 'store'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly spool: Pick<Spool, 'unshipped'>;
  readonly followed: Pick<FollowedDirectory, 'digesterNow' | 'signer'>;
  readonly among?: Among | undefined;
}

/** Of a file that was begun just before an exchange ended: it counts twice rather than not at all. */
const marginMs = 2 * afterMs;
const version = 1;
const entriesAtOnce = 1_000;

export async function openKeptBudgets(options: KeptBudgetsOptions): Promise<KeptBudgets> {
  const kept = new KeptBudgets(options);
  await kept.read();
  return kept;
}

export class KeptBudgets {
  readonly #options: KeptBudgetsOptions;
  readonly #file: SnapshotFile<KnownSpend>;
  readonly #isShared: boolean;
  #budgets: (() => Pick<ConfiguredBudgets, 'none' | 'known'>) | undefined;
  /** As the run before left them. */
  #entries: ReadonlyMap<string, KnownSpend> = new Map();
  #savedAtMs = 0;
  #rows: Promise<readonly LedgerRow[] | undefined> | undefined;

  constructor(options: KeptBudgetsOptions) {
    this.#options = options;
    this.#isShared = options.among !== undefined;
    this.#file = new SnapshotFile({
      ...options,
      of: 'budgets',
      // Who serves nobody knows of no budget.
      isKept: options.among?.role !== 'primary',
      known: () => this.#worthKeeping(),
    });
  }

  async read(): Promise<void> {
    const digester = this.#options.followed.digesterNow;
    const found = digester === undefined ? undefined : await this.#file.read(digester);
    if (found === undefined) return;
    this.#entries = new Map(found.entries.map((entry) => [nameOf(entry), entry]));
    this.#savedAtMs = found.savedAtMs;
  }

  /** Whom to ask from now on. */
  follow(budgets: () => Pick<ConfiguredBudgets, 'none' | 'known'>): void {
    this.#budgets = budgets;
  }

  writeSoon(): void {
    if (this.#budgets?.().none === false) this.#file.writeSoon();
  }

  /** Of a window that began after we last looked nothing was spent by then. */
  find({ scope, holder, window }: Pick<SpentQuestion, 'scope' | 'holder' | 'window'>): LastLook | undefined {
    if (this.#savedAtMs > 0 && window.startMs > this.#savedAtMs) return { spent: 0, owed: 0, alone: 0 };
    return this.#entries.get(nameOf({ scopeId: scope.id, startMs: window.startMs, holder }));
  }

  /** What lies in the spool of earlier runs and is not counted in what is kept. Nothing where nobody can tell. */
  since(): Promise<readonly LedgerRow[] | undefined> {
    const endedSinceMs = this.#savedAtMs - marginMs;
    this.#rows ??= this.#options.spool
      .unshipped({ ours: false, names: [], endedSinceMs })
      .catch((thrown: unknown) => {
        const message = thrown instanceof Error ? thrown.message : String(thrown);
        this.#options.log.warn({ message }, 'the spool cannot be read: the snapshot of budgets is not used');
        return undefined;
      });
    return this.#rows;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #worthKeeping() {
    const entries = new Map<string, KnownSpend>();
    for (const entry of this.#budgets?.().known() ?? []) {
      entries.set(nameOf(entry), entry);
      // Of a great many: requests have their turn in between.
      if (entries.size % entriesAtOnce === 0) await setImmediate();
    }
    const digester = entries.size === 0 ? undefined : await this.#options.followed.signer();
    if (digester === undefined) return undefined;
    // Other workers write the same file; and whoever has not asked since the start is not forgotten.
    const before = this.#isShared
      ? ((await this.#file.read(digester))?.entries ?? [])
      : this.#entries.values();
    for (const entry of before) {
      if (entries.size >= holdersMax) break;
      this.#keep(entries, entry);
    }
    return { version, entries: [...entries.values()], digester };
  }

  #keep(entries: Map<string, KnownSpend>, entry: KnownSpend): void {
    if (entry.endMs !== 0 && entry.endMs <= this.#options.clock.wall()) return;
    const ours = entries.get(nameOf(entry));
    const isMore = this.#isShared && ours !== undefined && goneOf(entry) > goneOf(ours);
    if (ours === undefined || isMore) entries.set(nameOf(entry), entry);
  }
}

function nameOf({ scopeId, startMs, holder }: Pick<KnownSpend, 'scopeId' | 'startMs' | 'holder'>): string {
  return `${scopeId}:${startMs}:${holder}`;
}

function goneOf({ spent, owed }: KnownSpend): number {
  return spent + owed;
}
