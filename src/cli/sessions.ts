/** `millrace sessions`: who is signed in to the console, and how somebody is signed out. */
import { z } from 'zod';
import { openSessionShape } from '../admin/open-session-routes.ts';
import { askAdmin, findAdmin } from './admin-client.ts';
import { askPages } from './admin-pages.ts';
import { entryPath, tenantOf } from './entry-actions.ts';
import { flagOption, type Given } from './given.ts';
import type { Invocation } from './invocation.ts';
import { runAction } from './run-action.ts';
import { formatTable } from './table.ts';

export const run = runAction('sessions', { list, end });

async function list(invocation: Invocation, given: Given): Promise<number> {
  const place = await findAdmin(invocation, given);
  const query = tenantOf(given);
  const { items, more } = await askPages(place, { path: 'sessions', item: openSessionShape, query });
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify({ items, more }));
    return 0;
  }
  const rows = items.map(({ id, name, tenant, role, beganAt, expiresAt }) => [
    name,
    tenant,
    role,
    beganAt.slice(0, 16).replace('T', ' '),
    expiresAt.slice(0, 16).replace('T', ' '),
    id,
  ]);
  invocation.write(formatTable(['WHO', 'TENANT', 'ROLE', 'SINCE', 'UNTIL', 'ID'], rows));
  return 0;
}

async function end(invocation: Invocation, given: Given): Promise<number> {
  const path = entryPath('sessions', given);
  const place = await findAdmin(invocation, given);
  await askAdmin(place, { method: 'DELETE', path, shape: z.undefined() });
  const id = given.words[1];
  invocation.write(flagOption(given, 'json') ? JSON.stringify({ ended: id }) : `ended: ${id}`);
  return 0;
}
