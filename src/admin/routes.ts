/** Everything that the admin listener answers, a row each. */
import { alertRoutes } from './alert-routes.ts';
import { auditRoutes } from './audit-routes.ts';
import { configRoutes } from './config-routes.ts';
import { costRoutes } from './cost-routes.ts';
import { documentRows } from './document-rows.ts';
import { drainRoutes } from './drain-routes.ts';
import { gathering } from './gathering.ts';
import { keyRoutes } from './key-routes.ts';
import { openSessionRoutes } from './open-session-routes.ts';
import { partRoutes } from './part-routes.ts';
import { peopleRoutes } from './people-routes.ts';
import { privacyRoutes } from './privacy-routes.ts';
import type { AdminRoute } from './route.ts';
import type { NobodysNames } from './scope-warnings.ts';
import { secretRoutes } from './secret-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import type { Sessions } from './sessions.ts';
import type { SignIn } from './sign-in.ts';
import { probeRoutes, stateRoutes } from './state-routes.ts';
import { usageRoutes } from './usage-routes.ts';
import type { Live, Seen } from './views.ts';
import { warmRoutes } from './warm-routes.ts';

export function adminRoutes(
  seen: Seen,
  { signIn, sessions }: { readonly signIn: SignIn; readonly sessions: Sessions },
): readonly AdminRoute[] {
  const { gateway } = seen;
  const homeTenant = () => gateway.snapshot.config.identity.homeTenant;
  const configured = () => gateway.snapshot.config.keys;
  const { clock, followed, store } = gateway.lasting;
  const { directory } = followed;
  const nobodys: NobodysNames = {
    isNobodysModel: (name) => gateway.snapshot.models.isNobodys(name),
    isNobodysRoute: (name) =>
      !gateway.snapshot.routes.some(({ route }) => route.name === name) &&
      !described.some((row) => row.name === name),
  };
  const rows = [
    ...probeRoutes(seen),
    ...stateRoutes(seen),
    ...configRoutes(seen),
    ...partRoutes(seen),
    ...usageRoutes(seen),
    ...costRoutes(seen),
    ...peopleRoutes({ directory, homeTenant, configured }),
    ...keyRoutes({
      directory,
      uses: store.keyUses,
      digester: () => followed.digester(),
      clock,
      nobodys,
      configured,
    }),
    ...auditRoutes(store.audit),
    ...sessionRoutes(signIn),
    ...openSessionRoutes(sessions),
    ...alertRoutes(gateway.lasting.alerts),
    ...secretRoutes(gateway.lasting),
    ...privacyRoutes(gateway),
    ...warmRoutes(gateway),
    ...drainRoutes(gateway),
  ];
  // They describe all rows, themselves included.
  const described: readonly AdminRoute[] = [...rows, ...documentRows(() => described)];
  return gathering(described, seen.workers);
}

/** Those that a worker answers, which has no admin listener: whatever has a `gather` is among them. */
export function liveRoutes(live: Live): readonly AdminRoute[] {
  const { gateway } = live;
  return [
    ...probeRoutes(live),
    ...stateRoutes(live),
    ...alertRoutes(gateway.lasting.alerts),
    ...warmRoutes(gateway),
    ...drainRoutes(gateway),
  ];
}
