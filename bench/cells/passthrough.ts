import { shortPrompt } from '../payloads.ts';
import { type Cell, type CellContext, loadSample, measureLoad, type Sample, spanMs } from './cell.ts';

export const passthrough: Cell = {
  name: 'passthrough',
  title: 'A passed-through request',
  about:
    '0.4 KB in, 0.6 KB out, 64 connections, as fast as they go. CPU is user and system time of the gateway’s processes over the completed requests.',
  figures: [
    { key: 'cpuUs', label: 'CPU', unit: 'µs/request', digits: 1, hasRatio: true },
    { key: 'perSecond', label: 'rate', unit: 'requests/s', digits: 0, hasRatio: true },
    { key: 'p50Ms', label: 'p50', unit: 'ms', digits: 2 },
    { key: 'p99Ms', label: 'p99', unit: 'ms', digits: 2 },
    { key: 'rssMb', label: 'RSS', unit: 'MB', digits: 0 },
    { key: 'gatewayBusy', label: 'gateway busy', unit: 'of a core', digits: 2 },
    { key: 'rigBusy', label: 'rig busy', unit: 'of a core', digits: 2 },
  ],
  isDefault: true,
  isQuick: true,
  hasDirect: true,
  requestsMin: 6_000,
  measure,
};

async function measure(context: CellContext): Promise<Sample> {
  await context.rig.setMode({ kind: 'whole', isSplit: false });
  const order = {
    body: shortPrompt,
    expect: 'whole',
    arrivals: { kind: 'closed' },
    connections: 64,
    timeoutMs: 10_000,
  } as const;
  await context.rig.load(context.target, { ...order, durationMs: spanMs(context, 300) });
  return loadSample(await measureLoad(context, { ...order, durationMs: spanMs(context, 1_400) }));
}
