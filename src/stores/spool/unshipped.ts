/**
 * What was spent and is not in the ledger yet: for whoever must know all of it, as when a budget is counted anew after a
 * restart. What other runs ended is shipped beforehand, as it is not known how much of it already was; what they did not
 * end counts at what it would cost were it lost. Too much may be told for a moment, and never too little.
 */
import { stat } from 'node:fs/promises';
import type { LedgerRow } from '../../core/ledger.ts';
import { hasCode } from '../../lib/has-code.ts';
import { type KeyRing, SealError } from '../../lib/seal.ts';
import { type KeepRowsOptions, keepRows } from './keep-rows.ts';
import { readLines, type SpoolPart } from './line-reader.ts';
import type { RunFolder } from './run-folder.ts';
import { LineOpener } from './sealed-lines.ts';
import { endedRows, parseSpoolLine } from './spool-lines.ts';

/** More than these are not held at once: some 100 MB. */
const asItLiesMax = 100_000;
const soughtMax = 50;

export interface UnshippedOptions {
  readonly folder: RunFolder;
  readonly run: () => string;
  readonly masterKeys: KeyRing | undefined;
  readonly keeping: Omit<KeepRowsOptions, 'rest'>;
  /** Of this run: what is not shipped yet. */
  readonly left: () => readonly SpoolPart[];
}

/** Of another run: how far its file was looked through, and what had not ended there. */
interface Seen {
  readonly opener: LineOpener;
  nextByte: number;
  readonly unfinished: Map<string, LedgerRow>;
}

/** Through what this run has written, for all who asked before it begins. */
interface Look {
  /** The names of each, as they stand in a line. */
  readonly sought: (readonly string[])[];
  readonly found: Promise<readonly LedgerRow[]>;
}

export class Unshipped {
  readonly #options: UnshippedOptions;
  readonly #seen = new Map<string, Seen>();
  #others: Promise<readonly LedgerRow[]> | undefined;
  /** The look that has not begun. */
  #next: Look | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: UnshippedOptions) {
    this.#options = options;
  }

  /**
   * Of runs beside this one, dead or alive. Rejects when the ledger does not take what they ended; it is asked nothing
   * where that is told too, from a moment on, shipped or not.
   */
  ofOthers(endedSinceMs?: number): Promise<readonly LedgerRow[]> {
    if (endedSinceMs !== undefined) return this.#asItLies(endedSinceMs);
    this.#others ??= this.#lookThroughOthers().finally(() => {
      this.#others = undefined;
    });
    return this.#others;
  }

  /** Of this run: what has ended, of whoever bears all names of one of these. Who asks while others wait shares their look. */
  ofOurs(names: readonly (readonly string[])[]): Promise<readonly LedgerRow[]> {
    this.#next ??= this.#lookNext();
    for (const those of names) this.#next.sought.push(those.map((name) => JSON.stringify(name)));
    return this.#next.found;
  }

  async #asItLies(endedSinceMs: number): Promise<readonly LedgerRow[]> {
    const { folder, run, masterKeys } = this.#options;
    const rows = new Map<string, LedgerRow>();
    for (const path of await folder.ofOthers(run())) {
      try {
        const { size: toByte } = await stat(path);
        const part = { path, opener: new LineOpener(masterKeys), fromByte: 0, toByte };
        for await (const { lines } of readLines(part)) take(rows, lines, endedSinceMs);
      } catch (thrown) {
        if (!hasCode(thrown, 'ENOENT')) throw thrown;
      }
    }
    return [...rows.values()];
  }

  #lookNext(): Look {
    const sought: (readonly string[])[] = [];
    const found = this.#last.then(() => {
      this.#next = undefined;
      return this.#lookThroughOurs(sought);
    });
    this.#last = found.catch(() => undefined);
    return { sought, found };
  }

  /**
   * There may be a great many lines, and to parse one costs a hundred times as much as to see that it does not name somebody: where
   * many are sought, all are parsed.
   */
  async #lookThroughOurs(sought: readonly (readonly string[])[]): Promise<readonly LedgerRow[]> {
    const rows: LedgerRow[] = [];
    for (const part of this.#options.left()) {
      for await (const { lines } of readLines(part)) {
        const isAny = sought.length > soughtMax;
        const theirs = lines.filter(
          (line) => isAny || sought.some((names) => names.every((name) => line.includes(name))),
        );
        rows.push(...endedRows(theirs));
      }
    }
    return rows;
  }

  async #lookThroughOthers(): Promise<readonly LedgerRow[]> {
    const { folder, run } = this.#options;
    const paths = await folder.ofOthers(run());
    for (const path of this.#seen.keys()) if (!paths.includes(path)) this.#seen.delete(path);
    for (const path of paths) await this.#lookThrough(path);
    // An exchange may begin in one file and end in the next.
    const unfinished = new Map<string, LedgerRow>();
    for (const seen of this.#seen.values()) for (const [id, row] of seen.unfinished) unfinished.set(id, row);
    return [...unfinished.values()];
  }

  async #lookThrough(path: string): Promise<void> {
    const seen = this.#seen.get(path) ?? this.#begin();
    this.#seen.set(path, seen);
    const { opener, nextByte: fromByte } = seen;
    try {
      const { size: toByte } = await stat(path);
      for await (const { lines, nextByte } of readLines({ path, opener, fromByte, toByte })) {
        await this.#take(lines, seen);
        seen.nextByte = nextByte;
      }
    } catch (thrown) {
      // The shipper tells of one whose master key is not here: nobody knows what it holds.
      if (thrown instanceof SealError) return;
      // Shipped and gone meanwhile.
      if (!hasCode(thrown, 'ENOENT')) throw thrown;
      this.#seen.delete(path);
    }
  }

  #begin(): Seen {
    return { opener: new LineOpener(this.#options.masterKeys), nextByte: 0, unfinished: new Map() };
  }

  async #take(lines: readonly string[], seen: Seen): Promise<void> {
    const rows: LedgerRow[] = [];
    for (const line of lines) {
      const parsed = parseSpoolLine(line);
      if (parsed?.kind === 'intent') seen.unfinished.set(parsed.id, parsed.ifLost);
      if (parsed?.kind === 'end') rows.push(parsed.row);
    }
    await keepRows({ ...this.#options.keeping, rest: () => Promise.resolve() }, rows);
    for (const { id } of rows) for (const other of this.#seen.values()) other.unfinished.delete(id);
  }
}

function take(rows: Map<string, LedgerRow>, lines: readonly string[], endedSinceMs: number): void {
  for (const line of lines) {
    const parsed = parseSpoolLine(line);
    if (parsed?.kind === 'intent') rows.set(parsed.id, parsed.ifLost);
    if (parsed?.kind !== 'end') continue;
    const { atMs, tookMs } = parsed.row;
    if (atMs + tookMs >= endedSinceMs) rows.set(parsed.id, parsed.row);
    else rows.delete(parsed.id);
  }
  if (rows.size > asItLiesMax) throw new Error(`more than ${asItLiesMax} exchanges lie in the spool`);
}
