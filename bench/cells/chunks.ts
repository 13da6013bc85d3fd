import { streamedPrompt } from '../payloads.ts';
import { type Cell, type CellContext, loadSample, measureLoad, type Sample, spanMs } from './cell.ts';

const deltas = 200;

export const chunks: Cell = {
  name: 'chunks',
  title: 'A streamed chunk',
  about: `Streams of ${deltas} deltas, CPU over all events, the request’s own cost included. First 16 connections as fast as the deltas can be written one by one: what falls behind gets several in one read and pays less for each, as \`reads\` shows. Then 32 streams with a delta every 2 ms, which most gateways keep up with: each delta is a read and a write.`,
  figures: [
    { key: 'cpuUsPerEvent', label: 'CPU', unit: 'µs/event', digits: 2, hasRatio: true },
    { key: 'eventsPerSecond', label: 'rate', unit: 'events/s', digits: 0 },
    { key: 'readsPerEvent', label: 'reads', unit: 'per event', digits: 2 },
    { key: 'gatewayBusy', label: 'gateway busy', unit: 'of a core', digits: 2 },
    { key: 'pacedCpuUsPerEvent', label: 'paced CPU', unit: 'µs/event', digits: 2, hasRatio: true },
    { key: 'pacedEventsPerSecond', label: 'paced rate', unit: 'events/s', digits: 0 },
    { key: 'pacedReadsPerEvent', label: 'paced reads', unit: 'per event', digits: 2 },
  ],
  isDefault: true,
  isQuick: true,
  hasDirect: true,
  measure,
};

async function measure(context: CellContext): Promise<Sample> {
  const eager = await measurePace(context, { paceMs: 0, connections: 16 });
  const paced = await measurePace(context, { paceMs: 2, connections: 32 });
  return {
    ...eager,
    ...Object.fromEntries(
      Object.entries(paced).map(([key, value]) => [
        `paced${key.charAt(0).toUpperCase()}${key.slice(1)}`,
        value,
      ]),
    ),
  };
}

async function measurePace(
  context: CellContext,
  pace: { paceMs: number; connections: number },
): Promise<Sample> {
  await context.rig.setMode({ kind: 'stream', deltas, paceMs: pace.paceMs });
  const measured = await measureLoad(context, {
    body: streamedPrompt,
    expect: 'sse',
    arrivals: { kind: 'closed' },
    connections: pace.connections,
    timeoutMs: 10_000,
    durationMs: spanMs(context, 1_100),
  });
  const { report, cpuMs } = measured;
  if (report.completed === 0) return loadSample(measured);
  return {
    ...loadSample(measured),
    eventsPerSecond: (report.events / report.elapsedMs) * 1000,
    readsPerEvent: report.reads / report.events,
    ...(cpuMs === undefined ? {} : { cpuUsPerEvent: (cpuMs * 1000) / report.events }),
  };
}
