/** `millrace usage`: what was used and what it cost, from the ledger of a running gateway. */
import { usageShape } from '../admin/usage-shapes.ts';
import { askAdmin, findAdmin } from './admin-client.ts';
import { flagOption, type Given } from './given.ts';
import type { Invocation } from './invocation.ts';
import { reportQuery } from './report-query.ts';
import { formatTable } from './table.ts';

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const query = reportQuery(given, ['from', 'to', 'by']);
  const place = await findAdmin(invocation, given);
  const answer = await askAdmin(place, { path: `usage?${query}`, shape: usageShape });
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify(answer));
    return 0;
  }
  const rows = answer.sums.map(({ by, exchanges, inputTokens, outputTokens, costUsd }) => [
    ...answer.by.map((dimension) => by[dimension] ?? ''),
    String(exchanges),
    String(inputTokens),
    String(outputTokens),
    costUsd.toFixed(6),
  ]);
  const header = [
    ...answer.by.map((dimension) => dimension.toUpperCase()),
    'EXCHANGES',
    'INPUT',
    'OUTPUT',
    'USD',
  ];
  invocation.write(`${answer.from} to ${answer.to}, days of UTC\n${formatTable(header, rows)}`);
  return 0;
}
