// What a cell is: one situation, measured the same way for each contestant, once a round.
import { performance } from 'node:perf_hooks';
import type { LoadOrder, LoadReport, Rig, Running } from '../rig.ts';

export interface Figure {
  /** Its name in a sample. */
  readonly key: string;
  readonly label: string;
  readonly unit: string;
  readonly digits: number;
  /** Also shown as what it is above the direct path's in the same round. */
  readonly isAdded?: boolean;
  /** Also shown as a ratio to the floor's and to Portkey's. */
  readonly hasRatio?: boolean;
}

/** What one contestant did in one round. A figure that could not be had is left out. */
export type Sample = Readonly<Record<string, number>>;

export interface CellContext {
  readonly rig: Rig;
  readonly target: Running;
  readonly isQuick: boolean;
  /** Another process of the same contestant, which the cell must stop; undefined for the direct path. */
  readonly startAnother: (() => Promise<Running>) | undefined;
}

export interface Cell {
  readonly name: string;
  readonly title: string;
  /** What is done, in one or two sentences. */
  readonly about: string;
  readonly figures: readonly Figure[];
  /** Whether a run that names no cells has it. */
  readonly isDefault: boolean;
  readonly isQuick: boolean;
  /** Fewer than the run's where one round is long or steady. */
  readonly roundsMax?: number;
  /** Whether the direct path takes part, to be subtracted or to show the rig's own limit. */
  readonly hasDirect: boolean;
  /** The fewest requests of all rounds together that make the figures worth printing. */
  readonly requestsMin?: number;
  measure(context: CellContext): Promise<Sample>;
}

export interface Measured {
  readonly report: LoadReport;
  /** Undefined for the direct path. */
  readonly cpuMs: number | undefined;
  readonly rssMb: number | undefined;
  /** Share of its core that the gateway was busy. */
  readonly gatewayBusy: number | undefined;
  /** CPU time of mock and generator over the elapsed time. */
  readonly rigBusy: number;
}

/** A quick run looks at each situation for a shorter time. */
export function spanMs(context: CellContext, fullMs: number): number {
  return context.isQuick ? Math.round(fullMs * 0.35) : fullMs;
}

export async function measureLoad(context: CellContext, order: LoadOrder): Promise<Measured> {
  const { rig, target } = context;
  const rigBefore = rig.usage();
  const before = target.usage();
  const startedAt = performance.now();
  const report = await rig.load(target, order);
  const after = target.usage();
  const rigAfter = rig.usage();
  const elapsedMs = performance.now() - startedAt;
  const rigBusy = (rigAfter.cpuMs - rigBefore.cpuMs) / elapsedMs;
  if (before === undefined || after === undefined) {
    return { report, cpuMs: undefined, rssMb: undefined, gatewayBusy: undefined, rigBusy };
  }
  const cpuMs = after.cpuMs - before.cpuMs;
  return { report, cpuMs, rssMb: after.rssKb / 1024, gatewayBusy: cpuMs / elapsedMs, rigBusy };
}

/** How many there were; failures by kind as well, such as `failed.status`. */
export function countsOf(...reports: readonly LoadReport[]): Record<string, number> {
  const counts: Record<string, number> = { requests: 0, failed: 0 };
  for (const report of reports) {
    counts['requests'] = (counts['requests'] ?? 0) + report.completed;
    counts['failed'] = (counts['failed'] ?? 0) + report.failed;
    for (const [kind, count] of Object.entries(report.errors)) {
      if (count > 0) counts[`failed.${kind}`] = (counts[`failed.${kind}`] ?? 0) + count;
    }
  }
  return counts;
}

/** What every load tells of itself; `cpuUs` is for each request. Where nothing was completed, there is nothing to tell. */
export function loadSample({ report, cpuMs, rssMb, gatewayBusy, rigBusy }: Measured): Record<string, number> {
  if (report.completed === 0) return countsOf(report);
  return {
    ...countsOf(report),
    perSecond: report.completedPerSecond,
    p50Ms: report.total.p50Us / 1000,
    p99Ms: report.total.p99Us / 1000,
    rigBusy,
    ...(cpuMs === undefined ? {} : { cpuUs: (cpuMs * 1000) / report.completed }),
    ...(rssMb === undefined ? {} : { rssMb }),
    ...(gatewayBusy === undefined ? {} : { gatewayBusy }),
  };
}
