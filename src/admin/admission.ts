/** Whether a caller may have what a row offers: the admin listener's one place that decides it (G1). */
import { fail } from '../core/failure.ts';
import { type Reach, reachOf } from '../identity/permissions.ts';
import type { AdminActor } from './actor.ts';
import type { AdminRoute } from './route.ts';

export interface Admission {
  readonly actor: AdminActor;
  readonly reach: Reach;
}

/** By the row that matched alone. Throws `forbidden`. */
export function admit(
  actor: AdminActor,
  row: AdminRoute,
  at: { readonly homeTenant: string; readonly address: string },
): Admission {
  if (row.permission === 'public') return { actor, reach: 'all' };
  const reach = reachOf(actor.role, row.permission);
  if (reach === undefined) {
    throw fail('forbidden', `"${actor.name}" has the role ${actor.role}, which may not do this: ${row.name}`);
  }
  if (row.scope === 'gateway' && actor.tenant !== at.homeTenant) {
    throw fail('forbidden', `${row.name} is about the whole gateway: it is for the people who run it`);
  }
  const { scopes } = actor;
  if (scopes?.routes !== undefined && !scopes.routes.has(row.name)) {
    throw fail('forbidden', `the key "${actor.name}" is for other routes than ${row.name}`);
  }
  if (scopes?.allowsAddress !== undefined && !scopes.allowsAddress(at.address)) {
    throw fail('forbidden', `the key "${actor.name}" may not be used from ${at.address}`);
  }
  return { actor, reach };
}

/** Which tenant is meant. To all but the gateway's own people others do not exist (API1). */
export function tenantOf(
  actor: AdminActor,
  asked: string | undefined,
  homeTenant: string,
): { readonly tenant: string; readonly everyTenant: boolean } {
  if (actor.tenant === homeTenant) return { tenant: asked ?? actor.tenant, everyTenant: asked === undefined };
  if (asked !== undefined && asked !== actor.tenant) throw fail('not_found', 'there is no such tenant');
  return { tenant: actor.tenant, everyTenant: false };
}
