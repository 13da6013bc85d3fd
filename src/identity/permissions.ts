/** What each role may do, on both listeners. Default deny: a role that stands in no row of a permission may not. */
import type { Permission, Role } from '../core/exchange.ts';

/** What the routes of the admin API ask of their caller. */
export const adminPermissions = [
  'status:read',
  'config:read',
  'config:write',
  'upstreams:read',
  'upstreams:write',
  'models:read',
  'directory:read',
  'directory:write',
  'keys:read',
  'keys:write',
  'usage:read',
  'prices:read',
  'budgets:read',
  'budgets:write',
  'alerts:read',
  'alerts:write',
  'audit:read',
  'secrets:read',
  'secrets:write',
  'privacy:read',
  'privacy:write',
  'session:own',
  'sessions:read',
  'sessions:write',
] as const;
export type AdminPermission = (typeof adminPermissions)[number];

/** Whether a role may do it with everything in its reach, only with what is its holder's own, or not at all. */
export type Reach = 'all' | 'own';

interface Holders {
  readonly all: readonly Role[];
  readonly own?: readonly Role[];
}

type Guarded = Exclude<Permission, 'public'> | AdminPermission;

/**
 * An operator runs the gateway and sees no people; a developer calls models and has keys of his own; a viewer reads;
 * billing reads what was used and what it cost. An admin does everything but see to secrets and owners.
 */
export const holders: Readonly<Record<Guarded, Holders>> = {
  infer: { all: ['owner', 'admin', 'operator', 'developer'] },
  metrics: { all: ['owner', 'admin', 'operator', 'viewer'] },
  operate: { all: ['owner', 'admin', 'operator'] },
  'status:read': { all: ['owner', 'admin', 'operator', 'viewer'] },
  'config:read': { all: ['owner', 'admin', 'operator', 'viewer'] },
  'config:write': { all: ['owner', 'admin', 'operator'] },
  'upstreams:read': { all: ['owner', 'admin', 'operator', 'viewer'] },
  'upstreams:write': { all: ['owner', 'admin', 'operator'] },
  'models:read': { all: ['owner', 'admin', 'operator', 'developer', 'viewer', 'billing'] },
  'directory:read': { all: ['owner', 'admin', 'viewer'] },
  'directory:write': { all: ['owner', 'admin'] },
  'keys:read': { all: ['owner', 'admin', 'viewer'], own: ['developer'] },
  'keys:write': { all: ['owner', 'admin'], own: ['developer'] },
  'usage:read': { all: ['owner', 'admin', 'viewer', 'billing'] },
  'prices:read': { all: ['owner', 'admin', 'operator', 'viewer', 'billing'] },
  'budgets:read': { all: ['owner', 'admin', 'viewer', 'billing'] },
  'budgets:write': { all: ['owner', 'admin'] },
  'alerts:read': { all: ['owner', 'admin', 'operator', 'viewer'] },
  'alerts:write': { all: ['owner', 'admin', 'operator'] },
  'audit:read': { all: ['owner', 'admin'] },
  'secrets:read': { all: ['owner'] },
  'secrets:write': { all: ['owner'] },
  'privacy:read': { all: ['owner', 'admin'] },
  'privacy:write': { all: ['owner', 'admin'] },
  'session:own': { all: ['owner', 'admin', 'operator', 'developer', 'viewer', 'billing'] },
  'sessions:read': { all: ['owner', 'admin'] },
  'sessions:write': { all: ['owner', 'admin'] },
};

const reaches = new Map(
  Object.entries(holders).map(([permission, { all, own = [] }]) => [
    permission,
    new Map<Role, Reach>([
      ...own.map((role) => [role, 'own'] as const),
      ...all.map((role) => [role, 'all'] as const),
    ]),
  ]),
);

export function reachOf(role: Role, permission: Guarded): Reach | undefined {
  return reaches.get(permission)?.get(role);
}

/** Nobody hands on more than he has: besides his own role, an owner every other and an admin all but the owner's. */
export function mayGrant(granter: Role, granted: Role): boolean {
  if (granter === 'owner' || granter === granted) return true;
  return granter === 'admin' && granted !== 'owner';
}
