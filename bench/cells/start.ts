import { setTimeout as after } from 'node:timers/promises';
import type { Cell, CellContext, Sample } from './cell.ts';

/** Long enough for what a gateway does in its first moments after being ready. */
const settleMs = 1_000;

export const start: Cell = {
  name: 'start',
  title: 'Start and idle memory',
  about: `From the start of the process to its first 200 for a chat request, asked every 2 ms; resident memory ${settleMs / 1000} s later. Compile caches are warm.`,
  figures: [
    { key: 'startMs', label: 'first 200', unit: 'ms', digits: 0, hasRatio: true },
    { key: 'idleRssMb', label: 'idle RSS', unit: 'MB', digits: 0, hasRatio: true },
  ],
  isDefault: true,
  isQuick: true,
  hasDirect: false,
  measure,
};

async function measure({ startAnother, isQuick }: CellContext): Promise<Sample> {
  if (startAnother === undefined) return {};
  const running = await startAnother();
  try {
    await after(isQuick ? settleMs / 2 : settleMs);
    return { startMs: running.startMs, idleRssMb: (running.usage()?.rssKb ?? 0) / 1024 };
  } finally {
    await running.stop();
  }
}
