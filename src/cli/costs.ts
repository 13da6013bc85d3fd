/** `millrace costs`: what everything truly cost, whether servers pay, and what is too large. */
import type { z } from 'zod';
import { costsShape } from '../admin/cost-shapes.ts';
import { monthDays } from '../money/returns.ts';
import { askAdmin, findAdmin } from './admin-client.ts';
import { flagOption, type Given } from './given.ts';
import type { Invocation } from './invocation.ts';
import { reportQuery } from './report-query.ts';
import { formatTable } from './table.ts';
import { usd } from './usd.ts';

type Costs = z.output<typeof costsShape>;
type Server = Costs['servers'][number];

export async function run(invocation: Invocation, given: Given): Promise<number> {
  const query = reportQuery(given, ['from', 'to', 'against']);
  const place = await findAdmin(invocation, given);
  const costs = await askAdmin(place, { path: `costs?${query}`, shape: costsShape });
  if (flagOption(given, 'json')) invocation.write(JSON.stringify(costs));
  else invocation.write(describe(costs).join('\n\n'));
  return 0;
}

function describe(costs: Costs): readonly string[] {
  const { servers, metered, returns, advice } = costs;
  return [
    summaryOf(costs),
    ...(servers.length === 0 ? [] : [serverTable(servers)]),
    ...(metered.length === 0 ? [] : [meteredTable(metered)]),
    ...(returns === undefined || servers.length === 0 ? [] : [returnsTable(servers, returns)]),
    ...(advice.length === 0 ? [] : [advice.map(({ text }) => `! ${text}`).join('\n')]),
  ];
}

function summaryOf({ from, to, until, total }: Costs): string {
  const { costUsd, serverUsd, idleUsd, meteredUsd, exchanges, tokens } = total;
  const lines = [
    `${from} to ${to}, counted up to ${until.slice(0, 16).replace('T', ' ')} UTC, in US dollars`,
    `${usd(costUsd)} in all: ${usd(serverUsd)} for servers, of which ${usd(idleUsd)} while they waited; ${usd(meteredUsd)} by the token`,
  ];
  if (exchanges > 0) {
    lines.push(
      `${exchanges} exchanges at ${usd(total.usdPerExchange ?? 0)} each; ` +
        `${tokens} tokens at ${usd(total.usdPerMTokens ?? 0)} a million`,
    );
  }
  return lines.join('\n');
}

function serverTable(servers: readonly Server[]): string {
  const header = [
    'SERVER',
    'A MONTH',
    'COST',
    'BUSY',
    'IDLE COST',
    'PRICED AT',
    'EXCHANGES',
    'EACH',
    'A MILLION TOKENS',
  ];
  const rows = servers.map((server) => [
    server.upstream,
    usd(server.monthlyUsd),
    usd(server.costUsd),
    percent(server.utilisation),
    usd(server.idleUsd),
    usd(server.pricedUsd),
    ...eachOf(server),
  ]);
  return formatTable(header, rows);
}

function meteredTable(metered: Costs['metered']): string {
  const header = ['BY THE TOKEN', 'COST', 'EXCHANGES', 'EACH', 'A MILLION TOKENS'];
  const rows = metered.map((one) => [one.upstream || '(not known)', usd(one.costUsd), ...eachOf(one)]);
  return formatTable(header, rows);
}

function eachOf({ exchanges, usdPerExchange, usdPerMTokens }: Costs['metered'][number]): string[] {
  const known = (amount: number | undefined) => (amount === undefined ? '' : usd(amount));
  return [String(exchanges), known(usdPerExchange), known(usdPerMTokens)];
}

function returnsTable(servers: readonly Server[], all: NonNullable<Costs['returns']>): string {
  const header = [
    `AGAINST ${all.against}`,
    'THERE',
    'HERE',
    'NET',
    'A DOLLAR GAVE',
    'PAYS FROM',
    'A MONTH IS EARNED IN',
  ];
  const rows = servers.flatMap(({ upstream, returns }) =>
    returns === undefined ? [] : [[upstream, ...netOf(returns), ...breakEvenOf(returns)]],
  );
  return formatTable(header, [...rows, ['all servers', ...netOf(all)]]);
}

function netOf({
  cloudUsd,
  serverUsd,
  netUsd,
  ratio,
}: Omit<NonNullable<Costs['returns']>, 'against'>): string[] {
  return [usd(cloudUsd), usd(serverUsd), usd(netUsd), ratio === undefined ? '' : usd(ratio)];
}

function breakEvenOf({ breakEvenUtilisation, breakEvenDays }: NonNullable<Server['returns']>): string[] {
  if (breakEvenUtilisation === undefined || breakEvenDays === undefined) return ['', ''];
  const pays = breakEvenUtilisation > 1 ? 'never' : `${percent(breakEvenUtilisation)} busy`;
  const days = `${breakEvenDays.toFixed(1)} days`;
  return [pays, breakEvenDays > monthDays ? `${days}: not in time` : days];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.01 ? 2 : 1)} %`;
}
