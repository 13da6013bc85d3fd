import { performance } from 'node:perf_hooks';
import { setTimeout as after } from 'node:timers/promises';
import { streamedPrompt } from '../payloads.ts';
import type { Running } from '../rig.ts';
import { type Cell, type CellContext, countsOf, type Sample } from './cell.ts';

const streams = 5_000;
const paceMs = 500;
const rampMs = 10_000;
const steadyMs = 10_000;

export const streamsHeld: Cell = {
  name: 'streams-held',
  title: '5,000 streams held',
  about: `${streams} streams with two events a second each, opened over ${rampMs / 1000} s and then held for ${steadyMs / 1000} s. A stall is how much later than its pace an event came; the direct path shows the rig’s own.`,
  figures: [
    { key: 'held', label: 'held', unit: '', digits: 0 },
    { key: 'eventsShare', label: 'events', unit: 'of those due', digits: 3 },
    { key: 'kbPerStream', label: 'RSS each', unit: 'KB', digits: 1, hasRatio: true },
    { key: 'stallP99Ms', label: 'stall p99', unit: 'ms', digits: 0 },
    { key: 'stallMaxMs', label: 'worst stall', unit: 'ms', digits: 0 },
    { key: 'gatewayBusy', label: 'gateway busy', unit: 'of a core', digits: 2 },
  ],
  isDefault: false,
  isQuick: false,
  roundsMax: 1,
  hasDirect: true,
  measure,
};

async function measure(context: CellContext): Promise<Sample> {
  const running = (await context.startAnother?.()) ?? context.target;
  try {
    // A first few requests, so that what is built once is on no stream's account.
    await context.rig.setMode({ kind: 'whole', isSplit: false });
    await hold(context, running, { connections: 16, durationMs: 500 });
    await context.rig.setMode({ kind: 'stream', deltas: 1_000, paceMs });
    return await measureHeld(context, running);
  } finally {
    if (running !== context.target) await running.stop();
  }
}

async function measureHeld(context: CellContext, running: Running): Promise<Sample> {
  const before = running.usage();
  const load = hold(context, running, { connections: streams, durationMs: rampMs + steadyMs, rampMs });
  await after(rampMs + 1_000);
  const steady = running.usage();
  const steadyAt = performance.now();
  await after(steadyMs - 2_000);
  const late = running.usage();
  const lateAt = performance.now();
  const report = await load;
  const dueEvents = (streams * (rampMs / 2 + steadyMs)) / paceMs;
  return {
    ...countsOf(report),
    held: report.intended - report.failed,
    eventsShare: report.events / dueEvents,
    stallP99Ms: Math.max(0, report.gaps.p99Us / 1000 - paceMs),
    stallMaxMs: Math.max(0, report.gaps.maxUs / 1000 - paceMs),
    ...(before === undefined || steady === undefined || late === undefined
      ? {}
      : {
          kbPerStream: (late.rssKb - before.rssKb) / streams,
          gatewayBusy: (late.cpuMs - steady.cpuMs) / (lateAt - steadyAt),
        }),
  };
}

interface Held {
  readonly connections: number;
  readonly durationMs: number;
  readonly rampMs?: number;
}

async function hold({ rig }: CellContext, running: Running, { rampMs: ramp = 0, ...rest }: Held) {
  return await rig.load(running, {
    ...rest,
    body: streamedPrompt,
    expect: 'sse',
    arrivals: { kind: 'closed', rampMs: ramp },
    recordAfterMs: ramp,
    timeoutMs: 120_000,
    drainMs: 1,
  });
}
