/** Whoever uses the smallest part of its slots; equals in their turn. */
import type { Policy } from '../../core/fleet.ts';
import { busyShare } from '../busy-share.ts';
import { firstBy } from '../first-by.ts';
import { Turns } from '../turns.ts';

export function createLeastBusy(): Policy {
  const turns = new Turns();
  return {
    name: 'least-busy',
    choose(free, _want, known) {
      const index = firstBy(
        free,
        (one, other) => busyShare(one, known) - busyShare(other, known) || turns.compare(one, other),
      );
      return turns.take(free, index);
    },
  };
}
