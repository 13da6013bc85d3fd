/** `millrace tenants`: who has people and keys of their own. */
import type { z } from 'zod';
import { tenantShape } from '../admin/directory-shapes.ts';
import { entryActions, saidOf } from './entry-actions.ts';
import { numberOption } from './given.ts';
import { runAction } from './run-action.ts';

export const run = runAction(
  'tenants',
  entryActions<z.output<typeof tenantShape>>({
    plural: 'tenants',
    shape: tenantShape,
    header: ['NAME', 'STATE', 'CONTENT KEPT', 'SINCE'],
    row: ({ name, active, keepContentDays, createdAt }) => [
      name,
      active ? 'active' : 'off',
      keepContentDays === 0 ? 'no' : `${keepContentDays} days`,
      createdAt.slice(0, 10),
    ],
    fields: (given) =>
      saidOf({ keepContentDays: numberOption(given, 'keepContentDays', { min: 0, max: 3_650 }) }),
  }),
);
