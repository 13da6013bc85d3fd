/** Notices that a file changed, however it was written: in place, by a rename, or behind a link. */
import { type FSWatcher, statSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock, Timer } from '../lib/clock.ts';

export interface WatchFilesOptions {
  readonly clock: Clock;
  /** How long a file must be left alone before it counts as written. */
  readonly quietMs: number;
  readonly onChange: () => void;
  /** Told when changes can no longer be noticed in a folder. */
  readonly onTrouble: (folder: string, trouble: Error) => void;
}

/** Folders are watched, not files: an editor replaces the file that we would be watching. */
export class FileWatch {
  readonly #options: WatchFilesOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  #files: readonly string[] = [];
  #signature = '';
  #timer: Timer | undefined;

  constructor(options: WatchFilesOptions) {
    this.#options = options;
  }

  /** From now on these files. As long as they are the same ones, no change of them is forgotten. */
  follow(files: readonly string[]): void {
    if (files.join('\n') === this.#files.join('\n')) return;
    this.#files = files;
    this.#signature = signatureOf(files);
    const folders = new Set(files.map((file) => dirname(file)));
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
      this.#watchers.delete(folder);
      watcher.close();
    }
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#watch(folder);
  }

  close(): void {
    this.#timer?.cancel();
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #watch(folder: string): void {
    const lose = (trouble: Error) => {
      this.#watchers.get(folder)?.close();
      this.#watchers.delete(folder);
      this.#options.onTrouble(folder, trouble);
    };
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#soon());
      watcher.on('error', lose);
      this.#watchers.set(folder, watcher);
    } catch (thrown) {
      lose(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }

  /** Waits until nothing has happened for a while: a file may be written in several steps. */
  #soon(): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(this.#options.quietMs, () => {
      const signature = signatureOf(this.#files);
      if (signature === this.#signature) return;
      this.#signature = signature;
      this.#options.onChange();
    });
  }
}

/** Other files in the folder, such as our own data, change all the time and mean nothing. */
function signatureOf(files: readonly string[]): string {
  return files.map(signatureOfOne).join(' ');
}

/** What cannot be looked at, for a circle of links or for rights that were taken, is told by whoever reads it. */
function signatureOfOne(file: string): string {
  try {
    const facts = statSync(file, { throwIfNoEntry: false });
    return facts === undefined ? 'gone' : `${facts.ino}:${facts.size}:${facts.mtimeMs}`;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}
