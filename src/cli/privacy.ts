/** `millrace privacy`: everything that is kept of somebody, to be handed over or erased. */
import { pipeline } from 'node:stream/promises';
import type { z } from 'zod';
import { contentShape, erasedShape } from '../admin/privacy-shapes.ts';
import { askAdmin, findAdmin, openAdminStream } from './admin-client.ts';
import { queryText } from './admin-pages.ts';
import { flagOption, type Given, UsageError } from './given.ts';
import type { Invocation } from './invocation.ts';
import { runAction } from './run-action.ts';
import { formatTable } from './table.ts';

export const run = runAction('privacy', { export: exportAll, erase, show });

/** A whole tenant's ledger takes a while. */
const eraseMs = 600_000;

async function exportAll(invocation: Invocation, given: Given): Promise<number> {
  const { tenant, user } = subjectIn(given, 'export');
  const place = await findAdmin(invocation, given);
  const text = await openAdminStream(place, {
    path: pathOf('export', tenant),
    body: bodyOf({ tenant, user }),
  });
  await pipeline(text, process.stdout, { end: false });
  return 0;
}

/** What was said in one exchange; each look is audited. */
async function show(invocation: Invocation, given: Given): Promise<number> {
  const { tenant, user: id } = subjectIn(given, 'show');
  if (id === undefined) throw new UsageError('`privacy show TENANT/ID` needs the id of an exchange');
  const place = await findAdmin(invocation, given);
  const path = `contents/${encodeURIComponent(id)}${queryText({ tenant })}`;
  invocation.write(JSON.stringify(await askAdmin(place, { path, shape: contentShape })));
  return 0;
}

async function erase(invocation: Invocation, given: Given): Promise<number> {
  const { tenant, user } = subjectIn(given, 'erase');
  const whose = user === undefined ? `the whole tenant ${tenant}` : `${user} of ${tenant}`;
  if (!flagOption(given, 'yes')) {
    throw new UsageError(`this erases everything of ${whose}, for good: say --yes to have it done`);
  }
  const place = await findAdmin(invocation, given);
  const answer = await askAdmin(place, {
    method: 'POST',
    path: pathOf('erase', tenant),
    body: bodyOf({ tenant, user }),
    shape: erasedShape,
    waitMs: eraseMs,
  });
  invocation.write(flagOption(given, 'json') ? JSON.stringify(answer) : textOf(whose, answer));
  return 0;
}

function textOf(whose: string, { erased, remains }: z.output<typeof erasedShape>): string {
  const { entries, contents, replays, conversations, exchanges } = erased;
  return [
    `erased of ${whose}: entries with their keys: ${entries}, prompts and answers: ${contents}, conversations: ${conversations}, ` +
      `kept answers: ${replays}; exchanges that stand in the ledger without a name: ${exchanges}`,
    'What remains:',
    formatTable(
      ['WHAT', 'WHERE', 'UNTIL'],
      remains.map(({ what, where, until }) => [what, where, until]),
    ),
  ].join('\n');
}

function bodyOf({ tenant, user }: { readonly tenant: string; readonly user: string | undefined }): object {
  return user === undefined ? { wholeTenant: tenant } : { user };
}

function pathOf(action: string, tenant: string): string {
  return `privacy/${action}${queryText({ tenant })}`;
}

/** Names of users may have a slash in them, those of tenants have none. */
function subjectIn(given: Given, action: string): { readonly tenant: string; readonly user?: string } {
  const [, tenant, user] = /^([^/]+)(?:\/(.+))?$/s.exec(given.words[1] ?? '') ?? [];
  if (tenant === undefined) throw new UsageError(`\`privacy ${action} TENANT/USER\` needs to be told whose`);
  return user === undefined ? { tenant } : { tenant, user };
}
