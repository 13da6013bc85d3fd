/** Tells of connections that were not taken, and not once for each: whoever is refused can come often. */
import type { Clock } from '../lib/clock.ts';
import type { RefusedConnection } from '../net/doorkeeper.ts';
import type { Log } from '../telemetry/log.ts';

export interface RefusalLogOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Which listener: `listen` or `admin`. */
  readonly setting: string;
}

const quietMs = 10_000;

const says: Readonly<Record<RefusedConnection['reason'], string>> = {
  not_allowed: 'connections from addresses that are not allowed are refused',
  too_many: 'connections are refused: one address has as many as it may',
};

export function createRefusalLog({
  clock,
  log,
  setting,
}: RefusalLogOptions): (refused: RefusedConnection) => void {
  const told: Record<RefusedConnection['reason'], { sinceMs: number; count: number }> = {
    not_allowed: { sinceMs: Number.NEGATIVE_INFINITY, count: 0 },
    too_many: { sinceMs: Number.NEGATIVE_INFINITY, count: 0 },
  };
  return ({ address, reason }) => {
    const last = told[reason];
    last.count += 1;
    const nowMs = clock.now();
    if (nowMs - last.sinceMs < quietMs) return;
    log.warn({ setting, address, connections: last.count }, says[reason]);
    last.sinceMs = nowMs;
    last.count = 0;
  };
}
