/** Everything that the admin listener answers, a row each. */
import type { AdminRoute } from './route.ts';
import { probeRoutes, stateRoutes } from './state-routes.ts';
import { usageRoutes } from './usage-routes.ts';
import type { Seen } from './views.ts';

export function adminRoutes(seen: Seen): readonly AdminRoute[] {
  return [...probeRoutes(seen), ...stateRoutes(seen), ...usageRoutes(seen)];
}
