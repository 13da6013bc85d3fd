import { streamedPrompt } from '../payloads.ts';
import { type Cell, type CellContext, countsOf, type Sample, spanMs } from './cell.ts';

const streams = 100;
const deltas = 25;
const paceMs = 20;
const streamMs = deltas * paceMs;

export const firstToken: Cell = {
  name: 'first-token',
  title: 'Added time to the first token',
  about: `${streams} streams at a time, ${deltas} deltas ${paceMs} ms apart, begun at a constant rate; times count from the write of the request. The upstream writes its head and its first delta apart.`,
  figures: [
    { key: 'p50Us', label: 'first token p50', unit: 'µs', digits: 0, isAdded: true, hasRatio: true },
    { key: 'p99Us', label: 'first token p99', unit: 'µs', digits: 0, isAdded: true },
    { key: 'gapP99Us', label: 'gap p99', unit: 'µs', digits: 0, isAdded: true },
  ],
  isDefault: true,
  isQuick: true,
  hasDirect: true,
  measure,
};

async function measure(context: CellContext): Promise<Sample> {
  await context.rig.setMode({ kind: 'stream', deltas, paceMs });
  const report = await context.rig.load(context.target, {
    body: streamedPrompt,
    expect: 'sse',
    arrivals: { kind: 'rate', perSecond: (streams * 1000) / streamMs },
    connections: 4 * streams,
    durationMs: streamMs + spanMs(context, 1_900),
    recordAfterMs: streamMs,
    countFrom: 'sent',
    timeoutMs: 10_000,
    drainMs: streamMs + 400,
  });
  if (report.firstContent.count === 0) return countsOf(report);
  return {
    ...countsOf(report),
    p50Us: report.firstContent.p50Us,
    p99Us: report.firstContent.p99Us,
    gapP99Us: report.gaps.p99Us,
    slowestP50Ms: report.firstContent.p50Us / 1000,
    unfinished: report.unfinished,
  };
}
