/** `millrace users`: people, and the accounts that programs sign in with. */
import type { z } from 'zod';
import { userShape } from '../admin/directory-shapes.ts';
import { entryActions, saidOf } from './entry-actions.ts';
import { textOption } from './given.ts';
import { runAction } from './run-action.ts';

const actions = entryActions<z.output<typeof userShape>>({
  plural: 'users',
  shape: userShape,
  header: ['NAME', 'TENANT', 'TEAM', 'ROLE', 'KIND', 'STATE'],
  row: ({ name, tenant, team, role, service, active }) => [
    name,
    tenant,
    team,
    role,
    service ? 'service' : 'person',
    active ? 'active' : 'off',
  ],
  fields: (given) =>
    saidOf({
      team: textOption(given, 'team'),
      role: textOption(given, 'role'),
      service: given.options['service'],
    }),
});

export const run = runAction('users', actions);
