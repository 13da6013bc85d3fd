/**
 * Takes what stands in the spool to the ledger, off the path of requests. Files go when all that is in them is kept and
 * every intent in them has met its end; what a run that died left unfinished is closed as lost (G21).
 */
import { rm, stat } from 'node:fs/promises';
import { uptime } from 'node:os';
import type { LedgerRow } from '../../core/ledger.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { hasCode } from '../../lib/has-code.ts';
import type { KeyRing } from '../../lib/seal.ts';
import { type KeepRowsOptions, keepRows, rowsAtOnce } from './keep-rows.ts';
import { readLines, type SpoolPart } from './line-reader.ts';
import type { RunFolder } from './run-folder.ts';
import { LineOpener } from './sealed-lines.ts';
import type { Segment } from './segment.ts';
import { endedRows, intentIn, parseSpoolLine } from './spool-lines.ts';

/** What the disk does not take. */
export interface Unwritten {
  /** Whether there is anything it does not take now. */
  readonly troubled: boolean;
  /** Ends that it did not take: once in the ledger they are let go. */
  readonly held: readonly string[];
  release(lines: readonly string[]): void;
}

export interface ShipperOptions extends Omit<KeepRowsOptions, 'rest'> {
  readonly clock: Clock;
  readonly folder: RunFolder;
  readonly run: () => string;
  readonly masterKeys: KeyRing | undefined;
  /** Of this run, oldest first. Those that are done with are taken off. */
  readonly segments: Segment[];
  readonly unwritten: Unwritten;
  /** What they may hold together. */
  readonly spoolBytesMax: number;
  readonly onTrouble: (trouble: Error | undefined) => void;
  /** Exchanges of a run that died, which were closed as lost. */
  readonly onLost: (count: number) => void;
  /** A run did not end before its machine did, and was heard of then for the last time. */
  readonly onWentDown: (lastHeardMs: number) => void;
}

const shipEveryMs = 1_000;
const retryMs = { first: 1_000, most: 30_000 };
const lookEveryMs = 30_000;
/**
 * Between two batches. A process that is busy with requests ships little, and lets the spool grow; one that is not catches
 * up, at 5,000 rows a second at most. A spool that fills is emptied all the same; a half full one, and one whose disk takes
 * nothing, as fast as it goes.
 */
const restMs = { busy: 250, idle: 20 };
const busyFrom = 0.25;
const fillingFrom = 1 / 8;
const fullFrom = 1 / 2;

interface Place {
  readonly opener: LineOpener;
  nextByte: number;
  /** Intents in this file that have not met their end. */
  open: number;
}

export class Shipper {
  readonly #options: ShipperOptions;
  readonly #keeping: KeepRowsOptions;
  readonly #places = new Map<Segment, Place>();
  /** Where the intents stand whose exchanges go on: as many as there are requests in flight. */
  readonly #intents = new Map<string, Place>();
  #timer: Timer | undefined;
  #looking: Timer | undefined;
  #running: Promise<void> | undefined;
  #shippingEnded: Promise<void> = Promise.resolve();
  /** How many wait for it. */
  #hurrying = 0;
  #retryMs = retryMs.first;
  #troubled = false;
  #closed = false;
  #seen = performance.eventLoopUtilization();
  /** Ends the rest between two batches. */
  #resting: () => void = () => {};

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#keeping = { ...options, rest: () => this.#rest() };
  }

  /** What is not shipped yet of this run's files. */
  get left(): readonly SpoolPart[] {
    return this.#options.segments
      .map((segment) => {
        const { opener, nextByte } = this.#places.get(segment) ?? this.#begin();
        return { path: segment.path, opener, fromByte: nextByte, toByte: segment.bytes };
      })
      .filter(({ fromByte, toByte }) => toByte > fromByte);
  }

  /** Settles when no run that died is on its way: while one is, it stands in its files and in the ledger. Never rejects. */
  async endedShipped(): Promise<void> {
    this.#hurrying += 1;
    this.#resting();
    await this.#shippingEnded.catch(() => undefined);
    this.#hurrying -= 1;
  }

  /** There is something new. */
  wake(): void {
    if (!this.#closed && this.#running === undefined) this.#timer ??= this.#after(shipEveryMs);
  }

  /** Ships what is there, by this run and by those that died. */
  ship(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#running ??= this.#shipAll().finally(() => {
      this.#running = undefined;
      if (this.#hasMore()) this.wake();
    });
    return this.#running;
  }

  /** Looks for what others left, now and again: a neighbour may die while this one lives. */
  begin(): void {
    this.#looking = this.#options.clock.after(lookEveryMs, () => this.begin());
    void this.ship();
  }

  /** Ships what is left, once. What cannot be kept now is there at the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#looking?.cancel();
    this.#resting();
    await this.#running;
    await this.ship();
    this.#timer?.cancel();
  }

  #hasMore(): boolean {
    return this.left.length > 0 || this.#options.unwritten.held.length > 0;
  }

  #after(ms: number): Timer {
    return this.#options.clock.after(ms, () => void this.ship());
  }

  #filled(): number {
    const { segments, spoolBytesMax } = this.#options;
    return segments.reduce((sum, { bytes }) => sum + bytes, 0) / spoolBytesMax;
  }

  #rest(): Promise<void> {
    if (this.#closed || this.#hurrying > 0) return Promise.resolve();
    const seen = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(seen, this.#seen);
    this.#seen = seen;
    const filled = this.#filled();
    if (filled > fullFrom || this.#options.unwritten.troubled) return Promise.resolve();
    const ms = utilization > busyFrom && filled < fillingFrom ? restMs.busy : restMs.idle;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(ms, resolve);
    this.#resting = () => {
      timer.cancel();
      resolve();
    };
    return promise;
  }

  async #shipAll(): Promise<void> {
    try {
      await this.#shipOwn();
      this.#shippingEnded = this.#shipEnded();
      await this.#shippingEnded;
      this.#retryMs = retryMs.first;
      this.#tell(undefined);
    } catch (thrown) {
      this.#tell(thrown instanceof Error ? thrown : new Error(String(thrown)));
      if (!this.#closed) this.#timer ??= this.#after(this.#retryMs);
      this.#retryMs = Math.min(this.#retryMs * 2, retryMs.most);
    }
  }

  async #shipOwn(): Promise<void> {
    const { unwritten } = this.#options;
    // Before the files are read: by then the intents of these are known.
    const lines = [...unwritten.held];
    await this.#shipSegments();
    if (lines.length === 0) return;
    const rows = endedRows(lines);
    await keepRows(this.#keeping, rows);
    for (const { id } of rows) this.#hasEnded(id);
    unwritten.release(lines);
    // What waited for these can go, and the disk has its room.
    await this.#shipSegments();
  }

  async #shipSegments(): Promise<void> {
    for (const segment of [...this.#options.segments]) {
      const place = this.#places.get(segment) ?? this.#begin();
      this.#places.set(segment, place);
      try {
        await this.#shipSegment(segment, place);
      } catch (thrown) {
        // Another took this run for dead, and its files to the ledger.
        if (!hasCode(thrown, 'ENOENT')) throw thrown;
        await this.#leave(segment);
      }
    }
  }

  async #shipSegment(segment: Segment, place: Place): Promise<void> {
    const { path, bytes: toByte } = segment;
    const { opener, nextByte: fromByte } = place;
    const rows: LedgerRow[] = [];
    let readTo = fromByte;
    const keep = async () => {
      await keepRows(this.#keeping, rows.splice(0));
      place.nextByte = readTo;
    };
    for await (const { lines, nextByte } of readLines({ path, opener, fromByte, toByte })) {
      rows.push(...this.#rowsOf(lines, place));
      readTo = nextByte;
      if (rows.length >= rowsAtOnce) await keep();
    }
    await keep();
    if (segment.closed && place.nextByte >= segment.bytes && place.open === 0) await this.#leave(segment);
  }

  #begin(): Place {
    return { opener: new LineOpener(this.#options.masterKeys), nextByte: 0, open: 0 };
  }

  /** An intent that is read again, because its rows could not be kept, is known already. */
  #rowsOf(lines: readonly string[], place: Place): readonly LedgerRow[] {
    const rows: LedgerRow[] = [];
    for (const line of lines) {
      const begun = intentIn(line);
      if (begun !== undefined) {
        this.#hasBegun(begun, place);
        continue;
      }
      const parsed = parseSpoolLine(line);
      if (parsed?.kind === 'intent') this.#hasBegun(parsed.id, place);
      if (parsed?.kind !== 'end') continue;
      this.#hasEnded(parsed.id);
      rows.push(parsed.row);
    }
    return rows;
  }

  #hasBegun(id: string, place: Place): void {
    if (this.#intents.has(id)) return;
    this.#intents.set(id, place);
    place.open += 1;
  }

  #hasEnded(id: string): void {
    const begun = this.#intents.get(id);
    if (begun !== undefined) begun.open -= 1;
    this.#intents.delete(id);
  }

  async #leave(segment: Segment): Promise<void> {
    await rm(segment.path, { force: true });
    const { segments } = this.#options;
    segments.splice(segments.indexOf(segment), 1);
    this.#places.delete(segment);
  }

  async #shipEnded(): Promise<void> {
    const { clock, folder, run, onWentDown } = this.#options;
    const wallMs = clock.wall();
    const { files, wentDownMs } = await folder.ended(run(), { wallMs, bootMs: wallMs - uptime() * 1_000 });
    if (wentDownMs !== undefined) onWentDown(wentDownMs);
    for (const paths of files.values()) await this.#shipRun(paths);
  }

  async #shipRun(paths: readonly string[]): Promise<void> {
    const unfinished = new Map<string, LedgerRow>();
    const rows: LedgerRow[] = [];
    for (const path of paths) {
      const { opener } = this.#begin();
      const { size: toByte } = await stat(path);
      for await (const { lines } of readLines({ path, opener, fromByte: 0, toByte })) {
        rows.push(...endedOf(lines, unfinished));
        if (rows.length >= rowsAtOnce) await keepRows(this.#keeping, rows.splice(0));
      }
    }
    await keepRows(this.#keeping, [...rows, ...unfinished.values()]);
    for (const path of paths) await rm(path, { force: true });
    if (unfinished.size > 0) this.#options.onLost(unfinished.size);
  }

  #tell(trouble: Error | undefined): void {
    if (this.#troubled === (trouble !== undefined)) return;
    this.#troubled = trouble !== undefined;
    this.#options.onTrouble(trouble);
  }
}

/** The rows of exchanges that ended, and what else was begun. */
function endedOf(lines: readonly string[], unfinished: Map<string, LedgerRow>): readonly LedgerRow[] {
  const rows: LedgerRow[] = [];
  for (const line of lines) {
    const parsed = parseSpoolLine(line);
    if (parsed?.kind === 'intent') unfinished.set(parsed.id, parsed.ifLost);
    if (parsed?.kind !== 'end') continue;
    unfinished.delete(parsed.id);
    rows.push(parsed.row);
  }
  return rows;
}
