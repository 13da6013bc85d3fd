import type { Target } from '../core/exchange.ts';
import type { Known } from '../core/fleet.ts';

/** How much of its slots an upstream uses: 1 when it is full. */
export function busyShare({ upstream }: Target, known: Known): number {
  return known.inFlight(upstream) / Math.max(1, known.slots(upstream));
}
