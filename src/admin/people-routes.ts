/** Tenants, teams and users: who there is. */
import type { z } from 'zod';
import type { TeamEntry, TenantEntry, UserEntry } from '../core/directory.ts';
import { fail } from '../core/failure.ts';
import type { AdminActor } from './actor.ts';
import {
  teamChange,
  teamDraft,
  teamShape,
  tenantChange,
  tenantDraft,
  tenantShape,
  userChange,
  userDraft,
  userShape,
} from './directory-shapes.ts';
import { keptFields, made, merged, switched } from './entry-fields.ts';
import {
  changingRoutes,
  creatingRoute,
  type EntryChange,
  type EntryDraft,
  type EntryStep,
  readingRoutes,
} from './entry-routes.ts';
import { assertGrants } from './grants.ts';
import { assertGrantsWithin, type RolesWithinOptions } from './roles-within.ts';
import type { AdminCall, AdminRoute } from './route.ts';

export interface PeopleOptions extends RolesWithinOptions {
  readonly homeTenant: () => string;
}

export function peopleRoutes(options: PeopleOptions): readonly AdminRoute[] {
  const { directory } = options;
  const tenants = tenantKind(options);
  const teams = teamKind(options);
  const users = userKind(options);
  return [
    ...readingRoutes(directory, tenants),
    creatingRoute(directory, tenants),
    ...changingRoutes(directory, tenants),
    ...readingRoutes(directory, teams),
    creatingRoute(directory, teams),
    ...changingRoutes(directory, teams),
    ...readingRoutes(directory, users),
    creatingRoute(directory, users),
    ...changingRoutes(directory, users),
  ];
}

type Kind<Entry extends TenantEntry | TeamEntry | UserEntry, View, Draft, Change> = EntryChange<
  Entry,
  View,
  Change
> &
  EntryDraft<Entry, View, Draft>;

const rights = { read: 'directory:read', write: 'directory:write' } as const;

function tenantKind(
  options: PeopleOptions,
): Kind<
  TenantEntry,
  z.input<typeof tenantShape>,
  z.output<typeof tenantDraft>,
  z.output<typeof tenantChange>
> {
  const { homeTenant } = options;
  return {
    ...rights,
    kind: 'tenant',
    plural: 'tenants',
    gatewayOnly: true,
    shape: tenantShape,
    draft: tenantDraft,
    change: tenantChange,
    example: { name: 'acme', draft: { name: 'acme' }, change: { keepContentDays: 30 } },
    view: (entry) => ({ name: entry.tenant, keepContentDays: entry.keepContentDays, ...keptFields(entry) }),
    // Its own name is where the others have their tenant's: it is looked for by the path, and must be the caller's.
    isVisible: ({ actor }, { tenant }) => actor.tenant === homeTenant() || tenant === actor.tenant,
    made: (_tenant, { name, keepContentDays }) =>
      made({ kind: 'tenant', tenant: name, name: '', keepContentDays }),
    changed: merged,
    assertMay: async ({ actor }, step) => {
      assertMayChangeTenant(actor, step, homeTenant());
      return await assertGrantsWithin(options, actor, step);
    },
  };
}

function assertMayChangeTenant(
  actor: AdminActor,
  { before, after }: EntryStep<TenantEntry>,
  homeTenant: string,
): void {
  const stays = after?.active === true || before?.active === after?.active;
  if (stays) return;
  if (before?.tenant === homeTenant) {
    throw fail(
      'conflict',
      `${homeTenant} is the tenant that runs the gateway: it cannot be switched off or removed`,
    );
  }
  if (actor.tenant !== homeTenant) {
    throw fail('forbidden', 'only the people who run the gateway switch a tenant off');
  }
}

const ownTenant = ({ everyTenant, tenant }: AdminCall, entry: { readonly tenant: string }) =>
  everyTenant || entry.tenant === tenant;

function teamKind(
  options: PeopleOptions,
): Kind<TeamEntry, z.input<typeof teamShape>, z.output<typeof teamDraft>, z.output<typeof teamChange>> {
  return {
    ...rights,
    kind: 'team',
    plural: 'teams',
    gatewayOnly: false,
    shape: teamShape,
    draft: teamDraft,
    change: teamChange,
    example: { name: 'search', draft: { name: 'search' }, change: { active: false } },
    view: ({ tenant, name, offBy, ...entry }) => ({ tenant, name, offBy, ...keptFields(entry) }),
    isVisible: ownTenant,
    made: (tenant, { name }) => made({ kind: 'team', tenant, name }),
    changed: switched,
    assertMay: ({ actor }, step) => assertGrantsWithin(options, actor, step),
  };
}

function userKind(
  options: PeopleOptions,
): Kind<UserEntry, z.input<typeof userShape>, z.output<typeof userDraft>, z.output<typeof userChange>> {
  return {
    ...rights,
    kind: 'user',
    plural: 'users',
    gatewayOnly: false,
    shape: userShape,
    draft: userDraft,
    change: userChange,
    example: {
      name: 'ada',
      draft: { name: 'ada', team: 'search', role: 'developer' },
      change: { role: 'viewer' },
    },
    view: ({ tenant, name, team, role, service, offBy, ...entry }) => ({
      tenant,
      name,
      team,
      role,
      service,
      offBy,
      ...keptFields(entry),
    }),
    isVisible: ownTenant,
    made: (tenant, draft) => made({ kind: 'user', tenant, ...draft }),
    changed: switched,
    assertMay: async ({ actor }, step) => {
      assertGrants(actor, step);
      return await assertGrantsWithin(options, actor, step);
    },
  };
}
