/** Targets of a nearer zone come before others, whatever the policy: others are for when none of the nearer is free. */
import type { Policy } from '../core/fleet.ts';

/** `zones`: the nearest first. All that it does not name are equally far, and of none all are equally near. */
export function nearestFirst(zones: readonly string[], policy: Policy): Policy {
  if (zones.length === 0) return policy;
  const distances = new Map(zones.map((zone, at) => [zone, at]));
  const distanceTo = (zone: string) => distances.get(zone) ?? zones.length;
  return {
    name: policy.name,
    choose(free, want, known) {
      let nearest = zones.length;
      for (const { upstream } of free) nearest = Math.min(nearest, distanceTo(upstream.zone));
      const near = free.filter(({ upstream }) => distanceTo(upstream.zone) === nearest);
      if (near.length === free.length) return policy.choose(free, want, known);
      const chosen = near[policy.choose(near, want, known)];
      return chosen === undefined ? -1 : free.indexOf(chosen);
    },
  };
}
