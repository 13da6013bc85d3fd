/**
 * Lines to a file or a pipe, gathered and written together off the path of whoever says them. Bounded: what comes
 * while the disk or the reader cannot keep up is counted and dropped, never waited for.
 */
import { write as writeCallback, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Clock } from './clock.ts';

export interface LineWriterOptions {
  readonly fd: number;
  readonly clock: Clock;
  /** How long a line may wait for company. */
  readonly flushMs: number;
  readonly pendingCharsMax: number;
  /** Told once when writing begins to fail, and once, with nothing, when it works again. */
  readonly onTrouble?: (trouble: Error | undefined) => void;
}

const write = promisify(writeCallback);
/** A pipe whose reader is busy is tried again, a few times at most. */
const busyTriesMax = 50;
const busyMs = 20;

export class LineWriter {
  lost = 0;
  readonly #options: LineWriterOptions;
  #pending: string[] = [];
  #pendingChars = 0;
  #scheduled = false;
  #writing: Promise<void> | undefined;
  #troubled = false;

  constructor(options: LineWriterOptions) {
    this.#options = options;
  }

  /** The line brings its line feed. */
  add(line: string): void {
    if (this.#pendingChars > this.#options.pendingCharsMax) {
      this.lost += 1;
      return;
    }
    this.#pending.push(line);
    this.#pendingChars += line.length;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.clock.after(this.#options.flushMs, () => void this.flush());
  }

  /** Resolves when everything said so far is written, or counted as lost. */
  async flush(): Promise<void> {
    this.#scheduled = false;
    while (this.#writing !== undefined || this.#pending.length > 0) {
      this.#writing ??= this.#writePending().finally(() => {
        this.#writing = undefined;
      });
      await this.#writing;
    }
  }

  /** For the last moment of a process that cannot wait any more. */
  flushSync(): void {
    const text = this.#takePending().text;
    if (text === '') return;
    try {
      writeSync(this.#options.fd, text);
    } catch {
      // There is nobody left to tell.
    }
  }

  async #writePending(): Promise<void> {
    const { text, lines } = this.#takePending();
    try {
      await this.#writeAll(Buffer.from(text));
      if (this.#troubled) this.#options.onTrouble?.(undefined);
      this.#troubled = false;
    } catch (thrown) {
      this.lost += lines;
      if (!this.#troubled)
        this.#options.onTrouble?.(thrown instanceof Error ? thrown : new Error(String(thrown)));
      this.#troubled = true;
    }
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    let from = 0;
    let busyTries = 0;
    while (from < bytes.length) {
      try {
        from += (await write(this.#options.fd, bytes, from, bytes.length - from, null)).bytesWritten;
      } catch (thrown) {
        busyTries += 1;
        if (!isBusy(thrown) || busyTries > busyTriesMax) throw thrown;
        await new Promise<void>((resolve) => this.#options.clock.after(busyMs, resolve));
      }
    }
  }

  #takePending(): { text: string; lines: number } {
    const lines = this.#pending;
    this.#pending = [];
    this.#pendingChars = 0;
    return { text: lines.join(''), lines: lines.length };
  }
}

function isBusy(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'EAGAIN';
}
