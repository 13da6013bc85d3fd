/** Nobody hands on more than he has, and nobody changes who has more than he. */
import type { Role } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import { mayGrant } from '../identity/permissions.ts';
import type { AdminActor } from './actor.ts';
import type { EntryStep } from './entry-routes.ts';

export function assertGrants(
  { name, role }: AdminActor,
  { before, after }: EntryStep<{ readonly role: Role }>,
): void {
  for (const granted of [before?.role, after?.role]) {
    if (granted === undefined || mayGrant(role, granted)) continue;
    throw fail(
      'forbidden',
      `"${name}" has the role ${role} and may not give, change or take away the role ${granted}`,
    );
  }
}
