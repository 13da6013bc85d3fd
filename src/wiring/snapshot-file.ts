/** A snapshot of what is known, beside the gateway: read at the start, and written a while after each change. */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { Digester } from '../identity/digester.ts';
import { readSnapshot, type Snapshot, writeSnapshot } from '../identity/signed-snapshot.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../telemetry/log.ts';

export interface SnapshotFileOptions<Entry> {
  readonly config: Pick<Config, 'data' | 'store'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Of what, as the file is called and for the log. */
  readonly of: 'keys' | 'budgets';
  /** False where another process of this gateway writes it. */
  readonly isKept: boolean;
  /** What is known now; nothing while that is not worth keeping. */
  readonly known: () => Promise<Known<Entry> | undefined>;
}

type Known<Entry> = Pick<Snapshot<Entry>, 'version' | 'entries'> & { readonly digester: Digester };

/** So long after something has changed. */
export const afterMs = 5_000;
/** A snapshot is believed in for a day: it is written anew although nothing has changed. */
const againMs = 3_600_000;
/** Of a large directory that changes all the time: writing takes at most so small a share of the time. */
const shareOfTime = 1 / 20;

export class SnapshotFile<Entry> {
  readonly #options: SnapshotFileOptions<Entry>;
  readonly #path: string;
  readonly #store: string;
  #writing: Promise<void> = Promise.resolve();
  #tookMs = 0;
  #due = false;
  #closed = false;
  #timer: Timer | undefined;

  constructor(options: SnapshotFileOptions<Entry>) {
    this.#options = options;
    this.#path = join(options.config.data, `${options.of}-snapshot`);
    this.#store = nameOf(options.config.store);
  }

  async read(digester: Digester): Promise<Snapshot<Entry> | undefined> {
    const { clock, log, of } = this.#options;
    const expected = { nowMs: clock.wall(), store: this.#store, kind: this.#kind };
    const found = await readSnapshot<Entry>({ path: this.#path, digester }, expected);
    if (found === undefined || !('refused' in found)) return found;
    log.warn({ file: this.#path, message: found.refused }, `the snapshot of ${of} is not used`);
    return undefined;
  }

  writeSoon(): void {
    if (this.#due || this.#closed || !this.#options.isKept) return;
    this.#due = true;
    this.#schedule(Math.max(afterMs, this.#tookMs / shareOfTime));
  }

  get #kind() {
    return this.#options.of === 'keys' ? undefined : this.#options.of;
  }

  /** Workers share the folder. */
  get #beside(): string {
    return this.#kind === undefined ? `${this.#path}.new` : `${this.#path}.${process.pid}.new`;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    if (this.#due) this.#write();
    await this.#writing;
  }

  #schedule(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(ms, () => {
      this.#write();
      this.#schedule(againMs);
    });
  }

  #write(): void {
    this.#due = false;
    this.#writing = this.#writing.then(() => this.#writeNow());
  }

  async #writeNow(): Promise<void> {
    const { clock, log, known, of } = this.#options;
    const startMs = clock.now();
    const savedAtMs = Math.trunc(clock.wall());
    try {
      const found = await known();
      if (found === undefined) return;
      const { digester, version, entries } = found;
      const snapshot = { kind: this.#kind, version, savedAtMs, store: this.#store, entries };
      await writeSnapshot(snapshot, { path: this.#path, digester, beside: this.#beside });
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      log.warn({ file: this.#path, message }, `the snapshot of ${of} cannot be written`);
    }
    this.#tookMs = clock.now() - startMs;
  }
}

/** Without the password, which changes. */
function nameOf(store: Config['store']): string {
  if (store === 'sqlite') return store;
  const { host, pathname } = new URL(store.url.reveal());
  return `${host}${pathname}`;
}
