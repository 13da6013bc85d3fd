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
/** What a disk that takes nothing leaves to be written later: the ends of all that went on as it filled, some thousand. */
const heldBytesMax = 16 * 1024 * 1024;
const heldTryEveryMs = 1_000;

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
  /** Those in the buffer that end what was begun. */
  #ends: string[] = [];
  /** Those that the disk did not take. */
  #held: string[] = [];
  #heldBytes = 0;
  #trying: Timer | undefined;
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

  /** In the file at the end of the turn, or as soon as the disk takes something again. What was begun has its room. */
  end(line: string, begun: boolean): void {
    if (begun) this.#open = Math.max(0, this.#open - 1);
    if (!(begun || this.#hasRoom(line.length)) || !this.#add(line)) this.lost += 1;
    else if (begun) this.#ends.push(line);
  }

  /** What was begun and has ended, and is in no file yet: the disk takes nothing. */
  get held(): readonly string[] {
    return this.#held;
  }

  get troubled(): boolean {
    return this.#troubled;
  }

  /** These are in the ledger, and need no file any more. */
  release(lines: readonly string[]): void {
    const released = new Set(lines);
    this.#keepHeld(this.#held.filter((line) => !released.has(line)));
  }

  commit(): void {
    this.#scheduled = false;
    const kept = (this.#used === 0 && this.#held.length === 0) || this.#write();
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
    if (last?.closed === false) void this.#leave(last);
  }

  async close(): Promise<void> {
    this.commit();
    if (this.#held.length > 0) this.commit();
    this.#trying?.cancel();
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
    this.#full = this.#kept + this.#used + this.#heldBytes + this.#open * endBytes + bytes > bytesMax;
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
    const ends = this.#ends;
    const bytes = this.#buffer.subarray(0, this.#used);
    this.#used = 0;
    this.#lines = 0;
    if (ends.length > 0) this.#ends = [];
    try {
      if (bytes.length > 0) this.#segmentFor(bytes.length).write(bytes);
      // By itself: it may be much, and with each turn of requests it would hold them up for nothing.
      else this.#writeHeld();
    } catch (thrown) {
      this.lost += lines - ends.length;
      this.#hold(ends);
      this.#makeRoom();
      this.trouble(thrown instanceof Error ? thrown : new Error(String(thrown)));
      return false;
    }
    if (!this.#full && this.#held.length === 0) this.trouble(undefined);
    this.#syncing ??= this.#options.clock.after(syncEveryMs, () => void this.#sync());
    this.#options.onWritten();
    return true;
  }

  #writeHeld(): void {
    const bytes = Buffer.from(this.#held.join(''));
    this.#segmentFor(bytes.length).write(bytes);
    this.#keepHeld([]);
  }

  #keepHeld(lines: string[]): void {
    this.#held = lines;
    this.#heldBytes = lines.reduce((sum, { length }) => sum + length, 0);
  }

  /** Tried again after a while; or taken to the ledger from here. */
  #hold(ends: readonly string[]): void {
    for (const end of ends) {
      if (this.#heldBytes + end.length > heldBytesMax) this.lost += 1;
      else {
        this.#held.push(end);
        this.#heldBytes += end.length;
      }
    }
    if (this.#held.length === 0) return;
    this.#trying ??= this.#options.clock.after(heldTryEveryMs, () => this.#try());
    this.#options.onWritten();
  }

  /** A file goes as a whole: the one that filled the disk must not wait to be full itself. */
  #makeRoom(): void {
    const last = this.segments.at(-1);
    if (last?.closed === false && last.bytes > 0) void this.#leave(last);
  }

  #try(): void {
    this.#trying = undefined;
    this.commit();
  }

  #segmentFor(bytes: number): Segment {
    const { segmentBytesMax, segmentPath, createSeal } = this.#options;
    const last = this.segments.at(-1);
    if (last !== undefined && !last.closed && last.bytes + bytes <= segmentBytesMax) return last;
    const next = new Segment(segmentPath(this.#number), createSeal());
    this.#number += 1;
    this.segments.push(next);
    if (last?.closed === false) void this.#leave(last);
    return next;
  }

  /** A full file is not written to any more, but what is in it must reach the disk. */
  async #leave(segment: Segment): Promise<void> {
    segment.closed = true;
    try {
      await segment.sync();
    } catch (thrown) {
      this.trouble(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
    segment.close();
    // All of it may be in the ledger already: then it goes now.
    this.#options.onWritten();
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
