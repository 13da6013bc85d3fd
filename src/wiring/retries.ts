/** What retries go by, whichever configuration is in force. */
import { Quarantine } from '../fleet/quarantine.ts';
import { RetryBudget } from '../fleet/retry-budget.ts';
import type { Clock } from '../lib/clock.ts';
import type { FleetNews } from './fleet-news.ts';

export interface Retries {
  readonly budget: RetryBudget;
  readonly quarantine: Quarantine;
}

export function createRetries(clock: Clock, active: () => number, news: FleetNews): Retries {
  const quarantine = new Quarantine({ clock, tell: (poison) => news.tellPoison(poison) });
  news.listen(quarantine);
  return { budget: new RetryBudget({ clock, active }), quarantine };
}
