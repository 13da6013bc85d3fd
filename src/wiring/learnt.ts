/** What the scheduler knows of targets, from whoever learns it. */
import type { Learnt } from '../fleet/scheduler.ts';
import { Warmth } from '../fleet/warmth.ts';
import type { Clock } from '../lib/clock.ts';

export function createLearnt(clock: Clock): Learnt {
  const warmth = new Warmth(clock);
  return {
    serviceMs: () => 0,
    loadMs: () => 0,
    price: () => 0,
    isCold: (target) => warmth.isCold(target),
    ended: (target, { outcome }) => {
      if (outcome === 'served') warmth.served(target);
    },
  };
}
