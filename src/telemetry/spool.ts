/**
 * The append-only record of finished exchanges, one JSON line each. A full disk costs lines, which are counted, and
 * never a request (K1). Bounded: a full file becomes the previous one, and the one before that is gone.
 */
import { type FileHandle, open, rename } from 'node:fs/promises';
import type { Spool } from '../core/ports.ts';
import type { Clock } from '../lib/clock.ts';
import { LineWriter } from '../lib/line-writer.ts';

export interface SpoolOptions {
  readonly path: string;
  readonly clock: Clock;
  /** A file beyond this is followed by a new one. */
  readonly fileBytesMax: number;
  readonly onTrouble: (trouble: Error | undefined) => void;
}

const flushMs = 200;
const pendingBytesMax = 16 * 1024 * 1024;

export async function openSpool(options: SpoolOptions): Promise<Spool> {
  return new RotatingSpool(options, await openFile(options));
}

interface SpoolFile {
  readonly handle: FileHandle;
  readonly writer: LineWriter;
  chars: number;
}

async function openFile({ path, clock, onTrouble }: SpoolOptions): Promise<SpoolFile> {
  const handle = await open(path, 'a', 0o600);
  const writer = new LineWriter({ fd: handle.fd, clock, flushMs, pendingBytesMax, onTrouble });
  return { handle, writer, chars: (await handle.stat()).size };
}

class RotatingSpool implements Spool {
  readonly #options: SpoolOptions;
  #file: SpoolFile;
  #lostBefore = 0;
  #rotating: Promise<void> | undefined;

  constructor(options: SpoolOptions, file: SpoolFile) {
    this.#options = options;
    this.#file = file;
  }

  get lost(): number {
    return this.#lostBefore + this.#file.writer.lost;
  }

  append(row: string): void {
    this.#file.writer.add(row);
    this.#file.chars += row.length;
    if (this.#file.chars <= this.#options.fileBytesMax || this.#rotating !== undefined) return;
    this.#rotating = this.#rotate().finally(() => {
      this.#rotating = undefined;
    });
  }

  async close(): Promise<void> {
    await this.#rotating;
    await finish(this.#file);
  }

  /** Rows go on to the full file until the next one is open: none is lost, none waits. */
  async #rotate(): Promise<void> {
    const full = this.#file;
    try {
      await rename(this.#options.path, `${this.#options.path}.previous`);
      this.#file = await openFile(this.#options);
      await finish(full);
      this.#lostBefore += full.writer.lost;
    } catch (thrown) {
      // It is tried again when as much has come as a file holds.
      this.#file.chars = 0;
      this.#options.onTrouble(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }
}

async function finish({ handle, writer }: SpoolFile): Promise<void> {
  await writer.flush();
  await handle.close();
}
