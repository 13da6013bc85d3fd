import type { Target } from '../core/exchange.ts';

/** The index of the target that comes before all others; among equals the first. -1 where there is none. */
export function firstBy(targets: readonly Target[], compare: (one: Target, other: Target) => number): number {
  let found = -1;
  let first: Target | undefined;
  for (let index = 0; index < targets.length; index += 1) {
    const target = targets[index];
    if (target === undefined || (first !== undefined && compare(target, first) >= 0)) continue;
    found = index;
    first = target;
  }
  return found;
}
