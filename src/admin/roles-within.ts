/** Who stands and falls with a tenant, a team or a user: whoever may not change them may not do it by that either. */
import type { Config } from '../config/schema.ts';
import type { DirectoryEntry, KeyEntry, TeamEntry, TenantEntry, UserEntry } from '../core/directory.ts';
import type { Role } from '../core/exchange.ts';
import type { Directory } from '../core/ports.ts';
import { mayGrant } from '../identity/permissions.ts';
import type { AdminActor } from './actor.ts';
import { readEntryPage } from './entry-page.ts';
import type { EntryStep } from './entry-routes.ts';
import { assertGrants } from './grants.ts';

export interface RolesWithinOptions {
  readonly directory: Directory;
  /** Keys of the configuration: they are shut by what the store has switched off. */
  readonly configured: () => Config['keys'];
}

type Whole = TenantEntry | TeamEntry | UserEntry;

/** Gives the version of the directory at which it is so, where others had to be looked at. */
export async function assertGrantsWithin(
  { directory, configured }: RolesWithinOptions,
  actor: AdminActor,
  { before, after }: EntryStep<Whole>,
): Promise<number | undefined> {
  // Nobody is within what is new, and an owner may change everybody.
  if (before === undefined || before.active === after?.active || actor.role === 'owner') return undefined;
  const isBeyond = (holder: Holder) => isWithin(before, holder) && !mayGrant(actor.role, holder.role);
  for (const key of configured().filter(isBeyond)) assertGrants(actor, { before: key });
  if (before.kind === 'user') return undefined;
  // Before they are read: whoever comes while they are is not among those.
  const { version } = await directory.changes(Number.MAX_SAFE_INTEGER, 1);
  for (const kind of ['user', 'key'] as const) {
    const { entries } = await readEntryPage(directory, {
      kind,
      tenant: before.tenant,
      after: undefined,
      limit: 1,
      isVisible: (entry) => isHolder(entry) && isBeyond(entry),
    });
    for (const entry of entries.filter(isHolder)) assertGrants(actor, { before: entry });
  }
  return version;
}

interface Holder {
  readonly tenant: string;
  readonly team?: string | undefined;
  readonly user?: string | undefined;
  readonly role: Role;
}

/** A key may no more than its user, and stands where he does. */
function isHolder(entry: DirectoryEntry): entry is UserEntry | KeyEntry {
  return entry.kind === 'user' || (entry.kind === 'key' && entry.user === '');
}

function isWithin({ kind, tenant, name }: Whole, holder: Holder): boolean {
  return holder.tenant === tenant && (kind === 'tenant' || holder[kind] === name);
}
