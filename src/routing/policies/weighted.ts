/**
 * Shares by `weight`, spread evenly over time (smooth weighted round robin): each free target gains its weight, and
 * whoever has most is chosen and pays what all of them gained.
 */
import type { Target } from '../../core/exchange.ts';
import type { Policy } from '../../core/fleet.ts';
import { firstBy } from '../first-by.ts';

export function createWeighted(): Policy {
  const credits = new WeakMap<Target, number>();
  const creditOf = (target: Target) => credits.get(target) ?? 0;
  return {
    name: 'weighted',
    choose(free) {
      let gained = 0;
      for (const target of free) {
        credits.set(target, creditOf(target) + target.weight);
        gained += target.weight;
      }
      const index = firstBy(free, (one, other) => creditOf(other) - creditOf(one));
      const chosen = free[index];
      if (chosen !== undefined) credits.set(chosen, creditOf(chosen) - gained);
      return index;
    },
  };
}
