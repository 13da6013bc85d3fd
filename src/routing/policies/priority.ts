/** The order in the file: the first that has a slot free. */
import type { Policy } from '../../core/fleet.ts';
import { firstBy } from '../first-by.ts';

export function createPriority(): Policy {
  return {
    choose: (free, { candidates }) =>
      firstBy(free, (one, other) => candidates.indexOf(one) - candidates.indexOf(other)),
  };
}
