/** Whoever others vouch for may still be switched off here: looked at with each use, however long a token lives. */
import type { DirectoryEntry, DirectoryPlace } from '../core/directory.ts';
import type { Principal } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';

/** A tenant, team or user, as far as it is known here. */
export type KnownEntry = (place: DirectoryPlace) => DirectoryEntry | undefined;

type Holder = Pick<Principal, 'tenant' | 'team' | 'user' | 'program'>;

/** Whom the directory does not know stands by the issuer's word alone. */
export function assertStanding({ tenant, team, user, program }: Holder, known: KnownEntry): void {
  if (known({ kind: 'tenant', tenant, name: '' })?.active === false)
    throw fail('forbidden', `the tenant "${tenant}" is switched off here`);
  if (team !== '' && known({ kind: 'team', tenant, name: team })?.active === false)
    throw fail('forbidden', `the team "${team}" is switched off here`);
  if (user !== '' && known({ kind: 'user', tenant, name: user })?.active === false)
    throw fail('forbidden', `the user "${user}" is switched off here`);
  if (program !== undefined && isSwitchedOffProgram(known({ kind: 'user', tenant, name: program })))
    throw fail('forbidden', `the service account "${program}" is switched off here`);
}

/** A person of the same name is somebody else. */
function isSwitchedOffProgram(entry: DirectoryEntry | undefined): boolean {
  return entry?.kind === 'user' && entry.service && !entry.active;
}
