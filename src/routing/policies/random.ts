/** Any that has a slot free, whatever is known of it. */
import type { Policy } from '../../core/fleet.ts';

export function createRandom(random: () => number = Math.random): Policy {
  return { name: 'random', choose: ({ length }) => Math.floor(random() * length) };
}
