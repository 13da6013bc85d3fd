import { longPrompt } from '../payloads.ts';
import { type Cell, type CellContext, loadSample, measureLoad, type Sample, spanMs } from './cell.ts';

export const longPromptCell: Cell = {
  name: 'long-prompt',
  title: 'A prompt of 96 KB',
  about: '96 KB in, 0.6 KB out, 16 connections. The cost may grow with the bytes and with nothing else.',
  figures: [
    { key: 'cpuUs', label: 'CPU', unit: 'µs/request', digits: 0, hasRatio: true },
    { key: 'perSecond', label: 'rate', unit: 'requests/s', digits: 0, hasRatio: true },
    { key: 'p99Ms', label: 'p99', unit: 'ms', digits: 1 },
    { key: 'rssMb', label: 'RSS', unit: 'MB', digits: 0 },
  ],
  isDefault: true,
  isQuick: true,
  hasDirect: false,
  measure,
};

async function measure(context: CellContext): Promise<Sample> {
  await context.rig.setMode({ kind: 'whole', isSplit: false });
  const order = {
    body: longPrompt,
    expect: 'whole',
    arrivals: { kind: 'closed' },
    connections: 16,
    timeoutMs: 10_000,
  } as const;
  return loadSample(await measureLoad(context, { ...order, durationMs: spanMs(context, 1_200) }));
}
