/** `millrace exchanges`: the exchanges in the ledger of a running gateway, one by one. */
import { exchangesShape } from '../admin/usage-shapes.ts';
import { askAdmin, findAdmin } from './admin-client.ts';
import { flagOption, type Given } from './given.ts';
import type { Invocation } from './invocation.ts';
import { reportQuery } from './report-query.ts';
import { formatTable } from './table.ts';

const header = ['AT', 'ID', 'TENANT', 'KEY', 'MODEL', 'UPSTREAM', 'OUTCOME', 'INPUT', 'OUTPUT', 'MS', 'USD'];

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const query = reportQuery(given, ['from', 'to', 'limit', 'after']);
  const place = await findAdmin(invocation, given);
  const answer = await askAdmin(place, { path: `exchanges?${query}`, shape: exchangesShape });
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify(answer));
    return 0;
  }
  const rows = answer.exchanges.map((each) => [
    each.at.slice(0, 19).replace('T', ' '),
    each.id,
    each.tenant,
    each.key,
    each.model,
    each.upstream,
    each.code === '' ? each.outcome : `${each.outcome}: ${each.code}`,
    String(each.inputTokens),
    String(each.outputTokens),
    String(each.tookMs),
    each.costUsd.toFixed(6),
  ]);
  invocation.write(`${answer.from} to ${answer.to}, days of UTC\n${formatTable(header, rows)}`);
  if (answer.next !== undefined) invocation.warn(`! there are more: go on with --after ${answer.next}`);
  return 0;
}
