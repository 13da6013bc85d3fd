/** Targets of our own zone come before others, whatever the policy: others are for when none of ours is free. */
import type { Policy } from '../core/fleet.ts';

/** An empty zone is nobody's: then all are equally near. */
export function nearestFirst(zone: string, policy: Policy): Policy {
  if (zone === '') return policy;
  return {
    choose(free, want, known) {
      const near = free.filter(({ upstream }) => upstream.zone === zone);
      if (near.length === 0 || near.length === free.length) return policy.choose(free, want, known);
      const chosen = near[policy.choose(near, want, known)];
      return chosen === undefined ? -1 : free.indexOf(chosen);
    },
  };
}
