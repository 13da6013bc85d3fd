/** Whoever others vouch for may still be switched off here: looked at with each use, however long a token lives. */
import type { DirectoryEntry, DirectoryPlace } from '../core/directory.ts';
import type { Principal, Role } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import { mayGrant } from './permissions.ts';

/** A tenant, team or user, as far as it is known here. */
export type KnownEntry = (place: DirectoryPlace) => DirectoryEntry | undefined;

type Holder = Pick<Principal, 'tenant' | 'team' | 'user' | 'program' | 'role'>;

/** Whom the directory does not know stands by the issuer's word alone. */
export function assertStanding({ tenant, team, user, program, role }: Holder, known: KnownEntry): void {
  if (known({ kind: 'tenant', tenant, name: '' })?.active === false)
    throw fail('forbidden', `the tenant "${tenant}" is switched off here`);
  if (team !== '' && isShut(known({ kind: 'team', tenant, name: team }), role))
    throw fail('forbidden', `the team "${team}" is switched off here`);
  if (user !== '' && isShut(known({ kind: 'user', tenant, name: user }), role))
    throw fail('forbidden', `the user "${user}" is switched off here`);
  if (program !== undefined && isShutProgram(known({ kind: 'user', tenant, name: program }), role))
    throw fail('forbidden', `the service account "${program}" is switched off here`);
}

/** Only who may change somebody takes his way in from him, and of some the issuer alone knows how much they may. */
function isShut(entry: DirectoryEntry | undefined, role: Role): boolean {
  if (entry?.active !== false) return false;
  return !('offBy' in entry) || entry.offBy === undefined || mayGrant(entry.offBy, role);
}

/** A person of the same name is somebody else. */
function isShutProgram(entry: DirectoryEntry | undefined, role: Role): boolean {
  return entry?.kind === 'user' && entry.service && isShut(entry, role);
}
