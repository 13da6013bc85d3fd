/** The spool: what exchanges cost, in a file before it is spent, and on its way to the ledger from there. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { LedgerRow } from '../../core/ledger.ts';
import type { Ledger, Spool } from '../../core/ports.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { KeyRing } from '../../lib/seal.ts';
import { RunFolder, touchEveryMs } from './run-folder.ts';
import { LineSeal } from './sealed-lines.ts';
import { Shipper } from './shipper.ts';
import { endedRows } from './spool-lines.ts';
import { SpoolWriter } from './spool-writer.ts';
import { Unshipped } from './unshipped.ts';

export interface OpenSpoolOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly ledger: Pick<Ledger, 'append'>;
  /** What opens lines that are sealed. */
  readonly masterKeys?: KeyRing;
  /** Whether lines are sealed from now on, with the first of these keys. */
  readonly sealsLines?: boolean;
  readonly segmentBytesMax?: number;
  readonly spoolBytesMax?: number;
  readonly told: SpoolTold;
  /** Told under which name lines are written from now on. */
  readonly onRun?: (run: string) => void;
}

/** What operators hear of. Each is told once when it begins, and once, with nothing, when it is over. */
export interface SpoolTold {
  /** The disk takes no lines, or the spool is full. */
  cannotWrite(trouble: Error | undefined): void;
  /** The ledger takes no rows: they wait in the spool. */
  cannotShip(trouble: Error | undefined): void;
  refused(row: LedgerRow, reason: Error): void;
  lost(count: number): void;
  /** The machine lost power, or crashed: what was written in the second before may be missing (G21). */
  wentDown(lastHeardMs: number): void;
}

const defaults = { segmentBytesMax: 16 * 1024 * 1024, spoolBytesMax: 1024 * 1024 * 1024 };

export async function openSpool(options: OpenSpoolOptions): Promise<Spool> {
  const { clock, told, masterKeys } = options;
  const sealing = options.sealsLines === true ? masterKeys : undefined;
  const folder = new RunFolder(options.dir);
  let run = randomUUID();
  let begun = false;
  let closed = false;
  let touching: Timer | undefined;

  const writer = new SpoolWriter({
    ...defaults,
    ...options,
    segmentPath: (number) => folder.segmentPath(run, number),
    createSeal: () => (sealing === undefined ? undefined : new LineSeal(sealing)),
    onWritten: () => shipper.wake(),
    onTrouble: told.cannotWrite,
  });
  const keeping = {
    ledger: options.ledger,
    refusedPath: join(options.dir, 'refused.jsonl'),
    onRefused: told.refused,
  };
  const shipper = new Shipper({
    ...keeping,
    clock,
    folder,
    run: () => run,
    masterKeys,
    segments: writer.segments,
    unwritten: writer,
    spoolBytesMax: options.spoolBytesMax ?? defaults.spoolBytesMax,
    onTrouble: told.cannotShip,
    onLost: told.lost,
    onWentDown: told.wentDown,
  });
  const unshipped = new Unshipped({ folder, run: () => run, masterKeys, keeping, left: () => shipper.left });
  const touch = async (): Promise<void> => {
    try {
      if (await folder.touch(run, clock.wall())) return;
      // The first time; or taken for dead by another after a long stop: from there on this is another run.
      if (begun) run = randomUUID();
      await folder.begin(run, clock.wall());
      options.onRun?.(run);
      if (begun) writer.closeSegment();
      begun = true;
    } catch (thrown) {
      writer.trouble(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  };
  const keepTouching = async (): Promise<void> => {
    await touch();
    if (!closed) touching = clock.after(touchEveryMs, () => void keepTouching());
  };
  await keepTouching();
  shipper.begin();

  return {
    get lost() {
      return writer.lost;
    },
    intend: (line) => writer.begin(line),
    settle: (ends) => {
      for (const { line, begun } of ends) writer.end(line, begun);
      writer.commit();
    },
    unshipped: async ({ ours, names, endedSinceMs }) => {
      // Or the first who asks after a start would be told of it twice.
      if (endedSinceMs === undefined) await shipper.endedShipped();
      const others = await unshipped.ofOthers(endedSinceMs);
      if (!ours) return others;
      writer.commit();
      // First: should one be written meanwhile, it counts twice rather than not at all.
      const held = endedRows(writer.held);
      return [...others, ...held, ...(await unshipped.ofOurs(names))];
    },
    close: async () => {
      closed = true;
      touching?.cancel();
      await writer.close();
      await shipper.close();
      await folder.end(run);
    },
  };
}
