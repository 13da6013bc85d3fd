/**
 * The append-only record of finished exchanges: one JSON line each, written in batches off the request path.
 * A full disk costs lines, which are counted, and never a request (K1).
 */
import { open } from 'node:fs/promises';
import type { Ledger } from '../core/ports.ts';
import type { Clock } from '../lib/clock.ts';

export interface SpoolOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly flushMs: number;
  /** What may wait in memory for the disk. */
  readonly pendingBytesMax: number;
  /** Told once when writing begins to fail, and once when it works again. */
  readonly onTrouble: (trouble: Error | undefined) => void;
}

export interface Spool extends Ledger {
  readonly lost: number;
}

export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const file = await open(options.path, 'a', 0o600);
  let pending: string[] = [];
  let pendingBytes = 0;
  let lost = 0;
  let troubled = false;
  let writing: Promise<void> | undefined;
  let scheduled = false;

  const write = async (): Promise<void> => {
    const lines = pending;
    pending = [];
    pendingBytes = 0;
    try {
      await file.appendFile(lines.join(''));
      if (troubled) options.onTrouble(undefined);
      troubled = false;
    } catch (thrown) {
      lost += lines.length;
      if (!troubled) options.onTrouble(thrown instanceof Error ? thrown : new Error(String(thrown)));
      troubled = true;
    }
  };
  const flush = async (): Promise<void> => {
    scheduled = false;
    while (pending.length > 0) await write();
  };
  const flushOnce = (): void => {
    writing ??= flush().finally(() => {
      writing = undefined;
    });
  };

  return {
    get lost() {
      return lost;
    },
    append: (row) => {
      if (pendingBytes > options.pendingBytesMax) {
        lost += 1;
        return;
      }
      pending.push(row);
      pendingBytes += row.length;
      if (scheduled) return;
      scheduled = true;
      options.clock.after(options.flushMs, flushOnce);
    },
    close: async () => {
      await writing;
      await flush();
      await file.close();
    },
  };
}
