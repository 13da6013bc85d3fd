/** The order in the file: the first that has a slot free. */
import type { Policy } from '../../core/fleet.ts';

export function createPriority(): Policy {
  return { name: 'priority', choose: ({ length }) => (length === 0 ? -1 : 0) };
}
