/** The plain policy: each target in its turn. */
import type { Target } from '../core/exchange.ts';
import type { Policy } from '../core/fleet.ts';

export function createRoundRobin(): Policy {
  let last: Target | undefined;
  return {
    choose: (free, { candidates }) => {
      const at = nextInTurn(free, candidates, last);
      last = free[at];
      return at;
    },
  };
}

/** Which of `free` comes first after `last` in the order of all candidates. */
export function nextInTurn(
  free: readonly Target[],
  candidates: readonly Target[],
  last: Target | undefined,
): number {
  const lastAt = last === undefined ? -1 : candidates.indexOf(last);
  const following = free.findIndex((target) => candidates.indexOf(target) > lastAt);
  return Math.max(0, following);
}
