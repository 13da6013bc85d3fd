/** What the scheduler knows of targets, from whoever learns it. */

import type { Residency } from '../fleet/residency.ts';
import type { Learnt } from '../fleet/scheduler.ts';

export function createLearnt(residency: Residency): Learnt {
  return {
    serviceMs: () => 0,
    loadMs: (target) => residency.loadMs(target),
    price: () => 0,
    began: (target) => residency.began(target),
    ended: (target, ending) => residency.ended(target, ending),
  };
}
