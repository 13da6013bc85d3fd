/** What everything truly cost: the ledger's hours, today's prices of servers, and what both say together. */
import type { z } from 'zod';
import { fail } from '../core/failure.ts';
import type { Ledger } from '../core/ports.ts';
import type { NamedPrice } from '../money/advice.ts';
import { usdOf } from '../money/advice-text.ts';
import { advise } from '../money/advise.ts';
import { cloudCostOf, type Returns, returnsOf, serverReturns } from '../money/returns.ts';
import {
  type ServerCosts,
  type ServerTime,
  type TrueCosts,
  trueCostsOf,
  type Work,
} from '../money/true-costs.ts';
import type { CostFacts } from './cost-facts.ts';
import { type costsQuery, costsShape } from './cost-shapes.ts';
import { toCsv } from './csv.ts';
import { dayOf, periodOf } from './period.ts';

type Costs = z.input<typeof costsShape>;

export interface CostsAsked {
  readonly query: z.output<typeof costsQuery>;
  readonly nowMs: number;
  readonly facts: CostFacts;
}

const dayMs = 86_400_000;
const daysMax = 400;
/** Of ninety days that is room for ninety models of upstreams in use at all hours. */
const hoursMax = 200_000;

export async function viewCosts(ledger: Ledger, { query, nowMs, facts }: CostsAsked): Promise<Costs> {
  const { from, to, question } = periodOf({ from: query.from, to: query.to }, nowMs);
  const fromMs = Date.parse(question.fromDay);
  const endMs = Date.parse(question.toDay);
  if (endMs - fromMs > daysMax * dayMs) {
    throw fail('invalid_request', `ask for ${daysMax} days at most`, { param: 'from' });
  }
  const span = { fromMs, toMs: Math.max(fromMs, Math.min(nowMs, endMs)) };
  const { hours, firstMs } = await ledger.hours({ ...question, rowsMax: hoursMax });
  const costs = trueCostsOf({ span, firstMs, servers: facts.servers, hours });
  const { against, models, unpriced } = facts;
  const loaded = await facts.loaded({ span, firstMs });
  const advice = advise({ span, firstMs, hours, costs, models, against, unpriced, loaded });
  return {
    from,
    to,
    until: new Date(span.toMs).toISOString(),
    total: totalOf(costs),
    servers: costs.servers.map((server) => serverOf(server, against)),
    metered: costs.metered.map(({ upstream, work }) => ({
      upstream,
      ...workOf(work),
      ...perEach(work.costNanoUsd, work.exchanges, work.inputTokens + work.outputTokens),
    })),
    ...(against === undefined ? {} : { returns: allReturns(costs, against) }),
    advice: advice.map(({ about, ...rest }) => ({ about: [...about], ...rest })),
    days: daysOf(costs),
  };
}

export function costsCsv({ days }: Costs): string {
  return toCsv(Object.keys(costsShape.shape.days.element.shape), days);
}

function totalOf({ total }: TrueCosts): Costs['total'] {
  const { exchanges, tokens, nanoUsd, serverNanoUsd, idleNanoUsd, meteredNanoUsd } = total;
  return {
    exchanges,
    tokens,
    costUsd: usdOf(nanoUsd),
    serverUsd: usdOf(serverNanoUsd),
    idleUsd: usdOf(idleNanoUsd),
    meteredUsd: usdOf(meteredNanoUsd),
    ...perEach(nanoUsd, exchanges, tokens),
  };
}

function serverOf(costs: ServerCosts, against: CostFacts['against']): Costs['servers'][number] {
  const { upstream, server, span, work, timeNanoUsd } = costs;
  const told = {
    upstream,
    monthlyUsd: server.monthlyUsd,
    since: new Date(span.fromMs).toISOString(),
    ...workOf(work),
    ...timeOf(costs),
    ...perEach(timeNanoUsd, work.exchanges, work.inputTokens + work.outputTokens),
  };
  if (against === undefined) return told;
  const { breakEvenUtilisation, breakEvenDays, ...returns } = serverReturns(
    costs,
    cloudCostOf(costs.hours, against.price),
  );
  return {
    ...told,
    returns: {
      ...returnsUsd(returns),
      ...(breakEvenUtilisation === undefined ? {} : { breakEvenUtilisation }),
      ...(breakEvenDays === undefined ? {} : { breakEvenDays }),
    },
  };
}

function allReturns({ servers, total }: TrueCosts, { name, price }: NamedPrice): Costs['returns'] {
  const cloudNanoUsd = servers.reduce((sum, { hours }) => sum + cloudCostOf(hours, price), 0);
  return { against: name, ...returnsUsd(returnsOf(cloudNanoUsd, total.serverNanoUsd)) };
}

function returnsUsd({ cloudNanoUsd, serverNanoUsd, netNanoUsd, ratio }: Returns) {
  return {
    cloudUsd: usdOf(cloudNanoUsd),
    serverUsd: usdOf(serverNanoUsd),
    netUsd: usdOf(netNanoUsd),
    ...(ratio === undefined ? {} : { ratio }),
  };
}

function daysOf({ servers, metered }: TrueCosts): Costs['days'] {
  const rows = [
    ...servers.flatMap(({ days }) =>
      days.map((time) => ({
        day: dayOf(time.span.fromMs),
        upstream: time.upstream,
        ...workOf(time.work),
        ...timeOf(time),
      })),
    ),
    ...metered.flatMap(({ upstream, days }) =>
      days.map(({ fromMs, work }) => ({ day: dayOf(fromMs), upstream, ...workOf(work) })),
    ),
  ];
  return rows.sort((one, other) => compare(one.day, other.day) || compare(one.upstream, other.upstream));
}

/** As its exchanges were priced; a server's time takes the place of that. */
function workOf({ exchanges, inputTokens, outputTokens, costNanoUsd }: Work) {
  return { exchanges, inputTokens, outputTokens, costUsd: usdOf(costNanoUsd) };
}

function timeOf({ timeNanoUsd, utilisation, idleNanoUsd, work }: ServerTime) {
  return {
    costUsd: usdOf(timeNanoUsd),
    utilisation,
    idleUsd: usdOf(idleNanoUsd),
    pricedUsd: usdOf(work.costNanoUsd),
  };
}

function perEach(nanoUsd: number, exchanges: number, tokens: number) {
  return {
    ...(exchanges === 0 ? {} : { usdPerExchange: usdOf(nanoUsd / exchanges) }),
    ...(tokens === 0 ? {} : { usdPerMTokens: usdOf((nanoUsd / tokens) * 1e6) }),
  };
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
