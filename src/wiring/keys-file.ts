/** The snapshot of the keys beside the gateway: read at the start, and written a while after each change. */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { Digester } from '../identity/digester.ts';
import { type KeysSnapshot, readSnapshot, writeSnapshot } from '../identity/keys-snapshot.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../telemetry/log.ts';

export interface KeysFileOptions {
  readonly config: Pick<Config, 'data' | 'store'>;
  readonly clock: Clock;
  readonly log: Log;
  /** False where another process of this gateway writes it. */
  readonly isKept: boolean;
  /** What is known now; nothing while that is not worth keeping. */
  readonly known: () =>
    | (Pick<KeysSnapshot, 'version' | 'entries'> & { readonly digester: Digester })
    | undefined;
}

const afterMs = 5_000;
/** A snapshot is believed in for a day: it is written anew although nothing has changed. */
const againMs = 3_600_000;
/** Of a large directory that changes all the time: writing takes at most so small a share of the time. */
const shareOfTime = 1 / 20;

export class KeysFile {
  readonly #options: KeysFileOptions;
  readonly #path: string;
  readonly #store: string;
  #writing: Promise<void> = Promise.resolve();
  #tookMs = 0;
  #due = false;
  #closed = false;
  #timer: Timer | undefined;

  constructor(options: KeysFileOptions) {
    this.#options = options;
    this.#path = join(options.config.data, 'keys-snapshot');
    this.#store = nameOf(options.config.store);
  }

  async read(digester: Digester): Promise<KeysSnapshot | undefined> {
    const { clock, log } = this.#options;
    const expected = { nowMs: clock.wall(), store: this.#store };
    const found = await readSnapshot({ path: this.#path, digester }, expected);
    if (found === undefined || !('refused' in found)) return found;
    log.warn({ file: this.#path, message: found.refused }, 'the snapshot of keys is not used');
    return undefined;
  }

  writeSoon(): void {
    if (this.#due || this.#closed || !this.#options.isKept) return;
    this.#due = true;
    this.#schedule(Math.max(afterMs, this.#tookMs / shareOfTime));
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
    const { clock, log, known } = this.#options;
    const found = known();
    if (found === undefined) return;
    const { digester, version, entries } = found;
    const startMs = clock.now();
    const snapshot = { version, savedAtMs: Math.trunc(clock.wall()), store: this.#store, entries };
    try {
      await writeSnapshot(snapshot, { path: this.#path, digester });
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      log.warn({ file: this.#path, message }, 'the snapshot of keys cannot be written');
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
