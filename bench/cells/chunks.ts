import { streamedPrompt } from '../payloads.ts';
import { type Cell, type CellContext, loadSample, measureLoad, type Sample, spanMs } from './cell.ts';

export const chunks: Cell = {
  name: 'chunks',
  title: 'A streamed chunk',
  about:
    '200 deltas as fast as they can be written one by one, 16 connections. CPU over all events, the request’s own cost included. `reads` below one an event means that several came together.',
  figures: [
    { key: 'cpuUsPerEvent', label: 'CPU', unit: 'µs/event', digits: 2, hasRatio: true },
    { key: 'eventsPerSecond', label: 'rate', unit: 'events/s', digits: 0, hasRatio: true },
    { key: 'readsPerEvent', label: 'reads', unit: 'per event', digits: 2 },
    { key: 'gatewayBusy', label: 'gateway busy', unit: 'of a core', digits: 2 },
    { key: 'rigBusy', label: 'rig busy', unit: 'of a core', digits: 2 },
  ],
  isDefault: true,
  isQuick: true,
  hasDirect: true,
  measure,
};

async function measure(context: CellContext): Promise<Sample> {
  await context.rig.setMode({ kind: 'stream', deltas: 200, paceMs: 0 });
  const measured = await measureLoad(context, {
    body: streamedPrompt,
    expect: 'sse',
    arrivals: { kind: 'closed' },
    connections: 16,
    timeoutMs: 10_000,
    durationMs: spanMs(context, 1_400),
  });
  const { report, cpuMs } = measured;
  return {
    ...loadSample(measured),
    eventsPerSecond: (report.events / report.elapsedMs) * 1000,
    readsPerEvent: report.events === 0 ? 0 : report.reads / report.events,
    ...(cpuMs === undefined || report.events === 0 ? {} : { cpuUsPerEvent: (cpuMs * 1000) / report.events }),
  };
}
