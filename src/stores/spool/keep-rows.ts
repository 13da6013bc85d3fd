/** Rows into the ledger, whatever comes: an outage is waited for, and a row that it refuses is put aside and told of. */
import { appendFile } from 'node:fs/promises';
import { Failure } from '../../core/failure.ts';
import type { LedgerRow } from '../../core/ledger.ts';
import type { Ledger } from '../../core/ports.ts';

export interface KeepRowsOptions {
  readonly ledger: Pick<Ledger, 'append'>;
  /** Where rows go that the ledger refuses: one that it never takes must not hold up all that come after it. */
  readonly refusedPath: string;
  readonly onRefused: (row: LedgerRow, reason: Error) => void;
  /** Between some rows and the next: what it waits is left to requests. */
  readonly rest: () => Promise<void>;
}

/** A commit costs as much as some tens of rows; making ready so many holds the loop for a millisecond. */
export const rowsAtOnce = 100;
/** Who gathers as many has up to a piece of a file more. */
const rowsMost = 150;

/** Rejects when the ledger is not there; then the same rows are to be kept again. */
export async function keepRows(options: KeepRowsOptions, rows: readonly LedgerRow[]): Promise<void> {
  for (let from = 0; from < rows.length; from += rowsMost) {
    await keepSome(options, rows.slice(from, from + rowsMost));
    await options.rest();
  }
}

async function keepSome(options: KeepRowsOptions, rows: readonly LedgerRow[]): Promise<void> {
  try {
    await options.ledger.append(rows);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown : new Error(String(thrown));
    if (reason instanceof Failure && reason.code === 'dependency_unavailable') throw reason;
    const [first, second] = rows;
    if (first !== undefined && second === undefined) {
      await appendFile(options.refusedPath, `${JSON.stringify(first)}\n`, { mode: 0o600 });
      options.onRefused(first, reason);
      return;
    }
    // One of them is to blame: the halves find it.
    const half = Math.ceil(rows.length / 2);
    await keepSome(options, rows.slice(0, half));
    await keepSome(options, rows.slice(half));
  }
}
