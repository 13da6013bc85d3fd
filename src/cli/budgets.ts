/** `millrace budgets`: how far each budget is spent. */
import { standingsShape } from '../admin/part-routes.ts';
import { askAdmin, findAdmin } from './admin-client.ts';
import { flagOption, type Given, textOption } from './given.ts';
import type { Invocation } from './invocation.ts';
import { formatTable } from './table.ts';

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const tenant = textOption(given, 'tenant');
  const path = tenant === undefined ? 'budgets' : `budgets?${new URLSearchParams({ tenant })}`;
  const answer = await askAdmin(await findAdmin(invocation, given), { path, shape: standingsShape });
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify(answer));
    return 0;
  }
  const rows = answer.items.map(({ name, holder, unit, limit, spent, reserved, windowEnd }) => [
    name,
    holder === '' ? 'everybody' : holder,
    `${shown(spent)} of ${shown(limit)} ${unit}`,
    shown(reserved),
    windowEnd ?? 'never',
  ]);
  invocation.write(formatTable(['BUDGET', 'WHOSE', 'SPENT', 'SET ASIDE', 'BEGINS ANEW'], rows));
  if (answer.more > 0) invocation.warn(`! ${answer.more} more are not shown; \`--tenant\` asks for one`);
  return 0;
}

function shown(amount: number): string {
  return String(Number(amount.toFixed(6)));
}
