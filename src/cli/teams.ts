/** `millrace teams`: the teams of a tenant. */
import type { z } from 'zod';
import { teamShape } from '../admin/directory-shapes.ts';
import { entryActions } from './entry-actions.ts';
import { runAction } from './run-action.ts';

export const run = runAction(
  'teams',
  entryActions<z.output<typeof teamShape>>({
    plural: 'teams',
    shape: teamShape,
    header: ['NAME', 'TENANT', 'STATE', 'SINCE'],
    row: ({ name, tenant, active, createdAt }) => [
      name,
      tenant,
      active ? 'active' : 'off',
      createdAt.slice(0, 10),
    ],
    fields: () => ({}),
  }),
);
