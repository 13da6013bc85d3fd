/** Each target in its turn: of those with a slot free, whoever was chosen longest ago. */
import type { Policy } from '../../core/fleet.ts';
import { firstBy } from '../first-by.ts';
import { Turns } from '../turns.ts';

export function createRoundRobin(): Policy {
  const turns = new Turns();
  return { name: 'round-robin', choose: (free) => turns.take(free, firstBy(free, turns.compare)) };
}
