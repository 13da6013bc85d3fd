/** The gateway's best: whoever is expected to be quickest; among equals in turn. */
import type { Target } from '../core/exchange.ts';
import type { Known, Policy } from '../core/fleet.ts';
import { nextInTurn } from './round-robin.ts';

export function createAuto(): Policy {
  let last: Target | undefined;
  return {
    choose: (free, { candidates }, known) => {
      const quickestMs = Math.min(...free.map((target) => expectedMs(target, known)));
      const equals = free.filter((target) => expectedMs(target, known) === quickestMs);
      const chosen = equals[nextInTurn(equals, candidates, last)];
      last = chosen;
      return chosen === undefined ? 0 : free.indexOf(chosen);
    },
  };
}

function expectedMs(target: Target, known: Known): number {
  return known.serviceMs(target) + known.loadMs(target);
}
