/** `millrace audit`: what was changed and who signed in, and whether the log of it is whole. */
import type { z } from 'zod';
import { auditShape, verdictShape } from '../admin/audit-routes.ts';
import { type AdminPlace, askAdmin, findAdmin } from './admin-client.ts';
import { queryText } from './admin-pages.ts';
import { tenantOf } from './entry-actions.ts';
import { flagOption, type Given, numberOption, textOption, UsageError } from './given.ts';
import type { Invocation } from './invocation.ts';
import { runAction } from './run-action.ts';
import { formatTable } from './table.ts';

export const run = runAction('audit', { list, verify });

const rowsUnlessSaid = 50;
const rowsPerPage = 500;
const rowsMax = 100_000;

type Page = z.output<typeof auditShape>;

async function list(invocation: Invocation, given: Given): Promise<number> {
  const wanted = numberOption(given, 'limit', { min: 1, max: rowsMax }) ?? rowsUnlessSaid;
  const place = await findAdmin(invocation, given);
  const items: Page['items'] = [];
  let before: number | undefined;
  do {
    const limit = String(Math.min(rowsPerPage, wanted - items.length));
    const query = queryText({ ...tenantOf(given), limit, before: before?.toString() });
    const page: Page = await askAdmin(place, { path: `audit${query}`, shape: auditShape });
    items.push(...page.items);
    before = page.next;
  } while (before !== undefined && items.length < wanted);
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify({ items, more: before !== undefined }));
    return 0;
  }
  const rows = items.map(({ number, at, actor, address, action, object, outcome }) => [
    String(number),
    at.slice(0, 19).replace('T', ' '),
    actor,
    address,
    action,
    object,
    outcome,
  ]);
  invocation.write(formatTable(['NUMBER', 'TIME', 'WHO', 'FROM', 'WHAT', 'OF', 'OUTCOME'], rows));
  return 0;
}

/** Exit code 1 when a link is missing or does not fit. */
async function verify(invocation: Invocation, given: Given): Promise<number> {
  const since = anchorOf(textOption(given, 'since'));
  const place = await findAdmin(invocation, given);
  const verdict = await follow(place, since);
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify(verdict));
    return verdict.sound ? 0 : 1;
  }
  if (!verdict.sound) {
    invocation.warn(`broken at record ${verdict.brokenAt}: ${verdict.reason}`);
    return 1;
  }
  const { number, digest } = verdict.upTo;
  const first = since.number === 0 ? 'from the first record' : `from record ${since.number}`;
  invocation.write(
    [
      `sound ${first} to record ${number}`,
      `Keep this elsewhere, to prove later that nothing before it was changed or cut off: ${number}:${digest}`,
    ].join('\n'),
  );
  return 0;
}

interface Anchor {
  readonly number: number;
  readonly digest: string;
}

async function follow(place: AdminPlace, since: Anchor): Promise<z.output<typeof verdictShape>> {
  let from = since;
  for (;;) {
    const path = `audit/verify${queryText({ number: String(from.number), digest: from.digest })}`;
    const verdict = await askAdmin(place, { path, shape: verdictShape });
    if (!verdict.sound || !verdict.more) return verdict;
    from = verdict.upTo;
  }
}

function anchorOf(text: string | undefined): Anchor {
  if (text === undefined) return { number: 0, digest: '' };
  const [, number, digest] = /^(\d{1,15}):([\w-]{1,128})$/.exec(text) ?? [];
  if (number !== undefined && digest !== undefined) return { number: Number(number), digest };
  throw new UsageError(
    '--since is NUMBER:DIGEST, as the log of a gateway or an earlier `audit verify` tells it',
  );
}
