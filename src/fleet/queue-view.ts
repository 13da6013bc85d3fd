/** Who waits for a model, for people: by tenant, and those who have waited longest one by one. */
import type { QueuePlace } from '../core/fleet.ts';
import type { Waiter } from './waiter.ts';

export interface QueueView {
  readonly model: string;
  readonly waiting: number;
  readonly bytes: number;
  readonly oldestMs: number;
  /** How long whoever comes now will most likely wait; absent as long as nobody knows. */
  readonly expectedMs?: number;
  readonly tenants: readonly TenantView[];
  /** Those who have waited longest, so many as are shown. */
  readonly requests: readonly RequestView[];
}

interface TenantView {
  readonly tenant: string;
  readonly waiting: number;
  readonly oldestMs: number;
}

interface RequestView {
  readonly tenant: string;
  readonly key: string;
  readonly priority: number;
  readonly tokens: number;
  readonly waitedMs: number;
  readonly position: number;
  readonly expectedMs?: number;
}

interface Viewing {
  /** What all of them hold. */
  readonly bytes: number;
  readonly nowMs: number;
  readonly placeOf: (waiter: Waiter) => QueuePlace | undefined;
  readonly expectedMs: number | undefined;
}

const requestsShownMax = 100;

/** `waiters` in the order of coming. */
export function viewQueue(model: string, waiters: readonly Waiter[], viewing: Viewing): QueueView {
  const { nowMs, expectedMs } = viewing;
  const byTenant = Map.groupBy(waiters, ({ tenant }) => tenant);
  return {
    model,
    waiting: waiters.length,
    bytes: viewing.bytes,
    oldestMs: waitedMs(waiters, nowMs),
    ...(expectedMs === undefined ? {} : { expectedMs: Math.round(expectedMs) }),
    tenants: Array.from(byTenant, ([tenant, its]) => ({
      tenant,
      waiting: its.length,
      oldestMs: waitedMs(its, nowMs),
    })),
    requests: waiters.slice(0, requestsShownMax).map((waiter) => viewRequest(waiter, viewing)),
  };
}

function viewRequest(waiter: Waiter, { nowMs, placeOf }: Viewing): RequestView {
  const { tenant, key, priority, tokens } = waiter;
  const { position = 0, expectedMs } = placeOf(waiter) ?? {};
  return {
    tenant,
    key,
    priority,
    tokens,
    waitedMs: waitedMs([waiter], nowMs),
    position,
    ...(expectedMs === undefined ? {} : { expectedMs: Math.round(expectedMs) }),
  };
}

function waitedMs([oldest]: readonly Waiter[], nowMs: number): number {
  return oldest === undefined ? 0 : Math.round(nowMs - oldest.sinceMs);
}
