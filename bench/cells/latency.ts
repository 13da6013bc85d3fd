import { shortPrompt } from '../payloads.ts';
import { type Cell, type CellContext, countsOf, type Sample, spanMs } from './cell.ts';

export const latency: Cell = {
  name: 'latency',
  title: 'Added time, one request after another',
  about:
    'One connection. `added` is the difference to the direct path of the same round. `split`: the upstream writes head and body apart, which a proxy without TCP_NODELAY turns into 40 ms.',
  figures: [
    { key: 'p50Us', label: 'p50', unit: 'µs', digits: 0, isAdded: true, hasRatio: true },
    { key: 'p99Us', label: 'p99', unit: 'µs', digits: 0, isAdded: true },
    { key: 'splitP50Us', label: 'split p50', unit: 'µs', digits: 0, isAdded: true },
    { key: 'splitP99Us', label: 'split p99', unit: 'µs', digits: 0, isAdded: true },
  ],
  isDefault: true,
  isQuick: true,
  hasDirect: true,
  measure,
};

async function measure(context: CellContext): Promise<Sample> {
  const joined = await measureMode(context, false);
  const split = await measureMode(context, true);
  if (joined.completed === 0 || split.completed === 0) return countsOf(joined, split);
  return {
    ...countsOf(joined, split),
    p50Us: joined.total.p50Us,
    p99Us: joined.total.p99Us,
    splitP50Us: split.total.p50Us,
    splitP99Us: split.total.p99Us,
    slowestP50Ms: Math.max(joined.total.p50Us, split.total.p50Us) / 1000,
  };
}

async function measureMode(context: CellContext, isSplit: boolean) {
  await context.rig.setMode({ kind: 'whole', isSplit });
  return await context.rig.load(context.target, {
    body: shortPrompt,
    expect: 'whole',
    arrivals: { kind: 'closed' },
    connections: 1,
    timeoutMs: 5_000,
    durationMs: spanMs(context, 700),
  });
}
