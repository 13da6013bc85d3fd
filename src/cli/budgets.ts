/** `millrace budgets`: how far each budget is spent. */
import { standingsShape } from '../admin/part-routes.ts';
import { findAdmin } from './admin-client.ts';
import { askAllPages } from './admin-pages.ts';
import { flagOption, type Given, textOption } from './given.ts';
import type { Invocation } from './invocation.ts';
import { formatTable } from './table.ts';

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const tenant = textOption(given, 'tenant');
  const pages = await askAllPages(await findAdmin(invocation, given), {
    path: 'budgets',
    shape: standingsShape,
    query: { tenant, holder: textOption(given, 'holder') },
  });
  const answer = { items: pages.flatMap(({ items }) => items) };
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
  if (pages.at(-1)?.next !== undefined)
    invocation.warn('! there are more than these: `--tenant` and `--holder` ask for some');
  return 0;
}

function shown(amount: number): string {
  return String(Number(amount.toFixed(6)));
}
