/** What retries go by, whichever configuration is in force. */
import { Quarantine } from '../fleet/quarantine.ts';
import { RetryBudget } from '../fleet/retry-budget.ts';
import type { Clock } from '../lib/clock.ts';

export interface Retries {
  readonly budget: RetryBudget;
  readonly quarantine: Quarantine;
}

export function createRetries(clock: Clock, active: () => number): Retries {
  return { budget: new RetryBudget({ clock, active }), quarantine: new Quarantine({ clock }) };
}
