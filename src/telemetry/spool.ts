/**
 * The append-only record of finished exchanges, one JSON line each. A full disk costs lines, which are counted, and
 * never a request (K1).
 */
import { open } from 'node:fs/promises';
import type { Ledger } from '../core/ports.ts';
import type { Clock } from '../lib/clock.ts';
import { LineWriter } from '../lib/line-writer.ts';

export interface SpoolOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly onTrouble: (trouble: Error | undefined) => void;
}

export interface Spool extends Ledger {
  /** How many rows could not be kept. */
  readonly lost: number;
}

const flushMs = 200;
const pendingBytesMax = 16 * 1024 * 1024;

export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const file = await open(options.path, 'a', 0o600);
  const { clock, onTrouble } = options;
  const writer = new LineWriter({ fd: file.fd, clock, flushMs, pendingBytesMax, onTrouble });
  return {
    get lost() {
      return writer.lost;
    },
    append: (row) => writer.add(row),
    close: async () => {
      await writer.flush();
      await file.close();
    },
  };
}
