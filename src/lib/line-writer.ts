/**
 * Lines to a file or a pipe, gathered and written together off the path of whoever says them. Bounded: what comes
 * while the disk or the reader cannot keep up is counted and dropped, never waited for.
 */
import { write as writeCallback, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Clock, Timer } from './clock.ts';
import { hasCode } from './has-code.ts';

export interface LineWriterOptions {
  readonly fd: number;
  readonly clock: Clock;
  /** How long a line may wait for company; a full chunk does not wait. */
  readonly flushMs: number;
  /** What may wait, or be on its way to the disk, besides the chunk that is being filled. */
  readonly pendingBytesMax: number;
  /** What is written at once, in whole lines; 256 KiB unless it says so. */
  readonly chunkBytes?: number;
  /** Told once when writing begins to fail, and once, with nothing, when it works again. */
  readonly onTrouble?: (trouble: Error | undefined) => void;
}

const write = promisify(writeCallback);
/** A pipe whose reader is busy is tried again, a few times at most. */
const busyTriesMax = 50;
const busyMs = 20;

/** Lines are encoded as they come: as strings they would outlive the young generation and burden the collector. */
const defaultChunkBytes = 256 * 1024;
const sparesMax = 2;

export class LineWriter {
  lost = 0;
  readonly #options: LineWriterOptions;
  /** Full chunks in the order they were filled, then the one being filled. */
  readonly #full: Buffer[] = [];
  /** Those being written included. */
  #fullBytes = 0;
  readonly #chunkBytes: number;
  #chunk: Buffer;
  #used = 0;
  #lines = 0;
  /** Written chunks, to be filled again. */
  readonly #spare: Buffer[] = [];
  #timer: Timer | undefined;
  /** The last write that was begun: the next begins when it is over. */
  #writing: Promise<void> = Promise.resolve();
  /** The write that follows it. */
  #queued: Promise<void> | undefined;
  #troubled = false;
  /** A write broke off within a line: the next one begins on a line of its own. */
  #torn = false;

  constructor(options: LineWriterOptions) {
    this.#options = options;
    this.#chunkBytes = options.chunkBytes ?? defaultChunkBytes;
    this.#chunk = Buffer.allocUnsafeSlow(this.#chunkBytes);
  }

  /** The line brings its line feed. */
  add(line: string): void {
    if (!this.#hasRoom(line)) {
      this.lost += 1;
      return;
    }
    this.#used += this.#chunk.write(line, this.#used);
    this.#lines += 1;
    if (this.#full.length > 0 && this.#queued === undefined) void this.flush();
    else this.#timer ??= this.#options.clock.after(this.#options.flushMs, () => void this.flush());
  }

  /**
   * Resolves when everything said so far is written, or counted as lost. What is said meanwhile waits for its own turn:
   * a writer that went on for as long as lines come would write each of them alone.
   */
  flush(): Promise<void> {
    this.#stopTimer();
    if (this.#lines === 0) return this.#queued ?? this.#writing;
    this.#queued ??= this.#writing.then(() => {
      this.#queued = undefined;
      this.#writing = this.#writePending();
      return this.#writing;
    });
    return this.#queued;
  }

  /** For the last moment of a process that cannot wait any more. */
  flushSync(): void {
    this.#stopTimer();
    const { chunks } = this.#takePending();
    try {
      for (const chunk of chunks) writeSync(this.#options.fd, chunk);
    } catch {
      // There is nobody left to tell.
    }
    this.#recycle(chunks);
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #hasRoom(line: string): boolean {
    const room = this.#chunk.length - this.#used;
    // No character takes more: nearly always that is enough to know.
    if (line.length * 3 <= room) return true;
    const bytes = Buffer.byteLength(line);
    return bytes <= room || this.#nextChunk(bytes);
  }

  /** Room for one more line, unless too much waits already. */
  #nextChunk(bytes: number): boolean {
    if (this.#fullBytes + this.#used + bytes > this.#options.pendingBytesMax) return false;
    this.#closeChunk();
    if (bytes > this.#chunkBytes) this.#chunk = Buffer.allocUnsafeSlow(bytes);
    else this.#openChunk();
    return true;
  }

  #closeChunk(): void {
    if (this.#used === 0) return;
    this.#full.push(this.#chunk.subarray(0, this.#used));
    this.#fullBytes += this.#used;
    this.#used = 0;
  }

  #openChunk(): void {
    this.#chunk = this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#chunkBytes);
  }

  async #writePending(): Promise<void> {
    const { chunks, lines } = this.#takePending();
    try {
      if (this.#torn) await this.#writeAll(lineFeed);
      for (const chunk of chunks) await this.#writeAll(chunk);
      if (this.#troubled) this.#options.onTrouble?.(undefined);
      this.#troubled = false;
    } catch (thrown) {
      this.lost += lines;
      if (!this.#troubled)
        this.#options.onTrouble?.(thrown instanceof Error ? thrown : new Error(String(thrown)));
      this.#troubled = true;
    }
    this.#recycle(chunks);
  }

  #recycle(chunks: readonly Buffer[]): void {
    for (const { buffer, length } of chunks) {
      this.#fullBytes -= length;
      if (this.#spare.length < sparesMax && buffer.byteLength === this.#chunkBytes)
        this.#spare.push(Buffer.from(buffer));
    }
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    let from = 0;
    let busyTries = 0;
    while (from < bytes.length) {
      try {
        from += (await write(this.#options.fd, bytes, from, bytes.length - from, null)).bytesWritten;
        this.#torn = from < bytes.length;
      } catch (thrown) {
        busyTries += 1;
        if (!hasCode(thrown, 'EAGAIN') || busyTries > busyTriesMax) throw thrown;
        await new Promise<void>((resolve) => this.#options.clock.after(busyMs, resolve));
      }
    }
  }

  #takePending(): { chunks: readonly Buffer[]; lines: number } {
    this.#closeChunk();
    this.#openChunk();
    const chunks = this.#full.splice(0);
    const lines = this.#lines;
    this.#lines = 0;
    return { chunks, lines };
  }
}

const lineFeed = Buffer.from('\n');
