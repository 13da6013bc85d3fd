/** `millrace savings`: what was saved against the premium model, and by what. */
import type { z } from 'zod';
import { savingsShape } from '../admin/cost-shapes.ts';
import { askAdmin, findAdmin } from './admin-client.ts';
import { flagOption, type Given } from './given.ts';
import type { Invocation } from './invocation.ts';
import { reportQuery } from './report-query.ts';
import { formatTable } from './table.ts';
import { usd } from './usd.ts';

type Savings = z.output<typeof savingsShape>;

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const query = reportQuery(given, ['from', 'to', 'by']);
  if (!query.has('by')) query.set('by', 'model');
  const place = await findAdmin(invocation, given);
  const savings = await askAdmin(place, { path: `savings?${query}`, shape: savingsShape });
  if (flagOption(given, 'json')) {
    invocation.write(JSON.stringify(savings));
    return 0;
  }
  const { from, to, premium } = savings;
  if (premium === undefined) {
    invocation.warn('! nothing is counted as saved until `prices.premium` names what it is compared with');
  }
  const against = premium === undefined ? '' : `, in US dollars against ${premium}`;
  invocation.write(`${from} to ${to}, days of UTC${against}\n${tableOf(savings)}`);
  return 0;
}

function tableOf({ by, savings, total }: Savings): string {
  const header = [
    ...by.map((dimension) => dimension.toUpperCase()),
    'EXCHANGES',
    'COST',
    'BY CACHE',
    'BY ROUTING',
    'BY SELF-HOSTING',
    'SAVED',
  ];
  const rows = savings.map(({ by: values, ...saved }) => [
    ...by.map((dimension) => values[dimension] ?? ''),
    ...figures(saved),
  ]);
  const names = by.map((_, index) => (index === 0 ? 'all' : ''));
  return formatTable(header, [...rows, [...names, ...figures(total)]]);
}

function figures(saved: Savings['total']): string[] {
  const { exchanges, costUsd, cacheUsd, routingUsd, selfHostingUsd, savedUsd } = saved;
  return [String(exchanges), ...[costUsd, cacheUsd, routingUsd, selfHostingUsd, savedUsd].map(usd)];
}
