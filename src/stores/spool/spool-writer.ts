/**
 * Lines into the spool, those of one turn of the event loop together in one write: as an append-only log of Redis is
 * written. A process that is killed loses nothing that was written; a machine that loses power, one second (G21).
 */
import type { Clock, Timer } from '../../lib/clock.ts';
import type { LineSeal } from './sealed-lines.ts';
import { Segment } from './segment.ts';

export interface SpoolWriterOptions {
  readonly clock: Clock;
  readonly segmentPath: (number: number) => string;
  /** What seals the lines of the next file, if they are to be sealed. */
  readonly createSeal: () => LineSeal | undefined;
  /** A file of this size is followed by a new one. */
  readonly segmentBytesMax: number;
  /** What all files may hold together while nobody takes it away. */
  readonly spoolBytesMax: number;
  /** There is something new to take away. */
  readonly onWritten: () => void;
  /** Told once when writing begins to fail, and once, with nothing, when it works again. */
  readonly onTrouble: (trouble: Error | undefined) => void;
}

const bufferBytes = 256 * 1024;
const syncEveryMs = 1_000;
const roomFrom = 0.9;
/** Room for the end of each exchange that goes on, twice what one takes: what was begun is never dropped for want of it. */
const endBytes = 2 * 1024;

interface Turn {
  readonly written: Promise<boolean>;
  readonly resolve: (kept: boolean) => void;
}

export class SpoolWriter {
  /** Lines that could not be kept. */
  lost = 0;
  /** Oldest first; whoever has taken one away takes it off. The last is being written. */
  readonly segments: Segment[] = [];
  readonly #options: SpoolWriterOptions;
  readonly #buffer = Buffer.allocUnsafeSlow(bufferBytes);
  #used = 0;
  #lines = 0;
  /** Exchanges whose ends are to come; and how many of them began in this turn. */
  #open = 0;
  #opening = 0;
  /** What the files hold as this turn begins. */
  #kept: number | undefined;
  #number = 0;
  #turn: Turn | undefined;
  #scheduled = false;
  #full = false;
  #troubled = false;
  #syncing: Timer | undefined;

  constructor(options: SpoolWriterOptions) {
    this.#options = options;
  }

  /**
   * What begins: in the file when it resolves, or counted as lost where there is no room for it and its end, and then it
   * is false. Lines bring their line feeds.
   */
  begin(line: string): Promise<boolean> {
    if (!this.#hasRoom(line.length + endBytes) || !this.#add(line)) {
      this.lost += 1;
      return Promise.resolve(false);
    }
    this.#open += 1;
    this.#opening += 1;
    this.#turn ??= createTurn();
    return this.#turn.written;
  }

  /** In the file at the end of the turn. What was begun has its room. */
  end(line: string, begun: boolean): void {
    if (begun) this.#open = Math.max(0, this.#open - 1);
    if (!(begun || this.#hasRoom(line.length)) || !this.#add(line)) this.lost += 1;
  }

  commit(): void {
    this.#scheduled = false;
    const kept = this.#used === 0 || this.#write();
    if (!kept) this.#open -= this.#opening;
    this.#opening = 0;
    this.#kept = undefined;
    const turn = this.#turn;
    this.#turn = undefined;
    turn?.resolve(kept);
  }

  /** Tells of it once. It is over when something is written. */
  trouble(trouble: Error | undefined): void {
    if (this.#troubled === (trouble !== undefined)) return;
    this.#troubled = trouble !== undefined;
    this.#options.onTrouble(trouble);
  }

  /** What comes next stands in a file of its own. */
  closeSegment(): void {
    this.commit();
    const last = this.segments.at(-1);
    if (last !== undefined) void this.#leave(last);
  }

  async close(): Promise<void> {
    this.commit();
    this.#syncing?.cancel();
    const last = this.segments.at(-1);
    await last?.sync();
    last?.close();
  }

  #hasRoom(bytes: number): boolean {
    const { spoolBytesMax } = this.#options;
    this.#kept ??= this.segments.reduce((sum, segment) => sum + segment.bytes, 0);
    // Once full it stays so until there is some room: smaller lines that still fit would make it flap.
    const bytesMax = this.#full ? spoolBytesMax * roomFrom : spoolBytesMax;
    this.#full = this.#kept + this.#used + this.#open * endBytes + bytes > bytesMax;
    if (!this.#full) return true;
    this.trouble(
      new Error(
        `the spool is full: ${this.#kept} bytes wait for the ledger, ${this.#open} exchanges go on, and ${spoolBytesMax} bytes may wait`,
      ),
    );
    return false;
  }

  #add(line: string): boolean {
    if (line.length * 3 > bufferBytes - this.#used) this.commit();
    if (line.length * 3 > bufferBytes) return false;
    this.#used += this.#buffer.write(line, this.#used);
    this.#lines += 1;
    if (this.#scheduled) return true;
    this.#scheduled = true;
    setImmediate(() => this.commit());
    return true;
  }

  #write(): boolean {
    const lines = this.#lines;
    const bytes = this.#buffer.subarray(0, this.#used);
    this.#used = 0;
    this.#lines = 0;
    try {
      this.#segmentFor(bytes.length).write(bytes);
    } catch (thrown) {
      this.lost += lines;
      this.trouble(thrown instanceof Error ? thrown : new Error(String(thrown)));
      return false;
    }
    if (!this.#full) this.trouble(undefined);
    this.#syncing ??= this.#options.clock.after(syncEveryMs, () => void this.#sync());
    this.#options.onWritten();
    return true;
  }

  #segmentFor(bytes: number): Segment {
    const { segmentBytesMax, segmentPath, createSeal } = this.#options;
    const last = this.segments.at(-1);
    if (last !== undefined && !last.closed && last.bytes + bytes <= segmentBytesMax) return last;
    const next = new Segment(segmentPath(this.#number), createSeal());
    this.#number += 1;
    this.segments.push(next);
    if (last !== undefined) void this.#leave(last);
    return next;
  }

  /** A full file is not written to any more, but what is in it must reach the disk. */
  async #leave(segment: Segment): Promise<void> {
    try {
      await segment.sync();
    } catch (thrown) {
      this.trouble(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
    segment.close();
  }

  async #sync(): Promise<void> {
    try {
      await this.segments.at(-1)?.sync();
    } catch (thrown) {
      this.trouble(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
    this.#syncing = undefined;
  }
}

function createTurn(): Turn {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  return { written: promise, resolve };
}
