/** Whether servers pay: what others would have charged for the same tokens, against what the servers' time cost. */
import type { LedgerHour, NanoUsd } from '../core/ledger.ts';
import { costOfSums } from './cost-of-sums.ts';
import type { Price } from './price.ts';
import { monthS } from './server-rates.ts';
import { secondsOf } from './server-time.ts';
import { type ServerCosts, workOf } from './true-costs.ts';

export interface Returns {
  /** What the same tokens would have cost there. */
  readonly cloudNanoUsd: NanoUsd;
  readonly serverNanoUsd: NanoUsd;
  /** Below zero where the servers cost more. */
  readonly netNanoUsd: NanoUsd;
  /** What a dollar for the servers was worth; absent where they cost nothing. */
  readonly ratio?: number;
}

export interface ServerReturns extends Returns {
  readonly upstream: string;
  /** How busy it would have to be to be worth its price, with work such as this; more than 1 is never. */
  readonly breakEvenUtilisation?: number;
  /** After how many days of a month its price is earned at this pace; more than a month has is never. */
  readonly breakEvenDays?: number;
}

const dayS = 86_400;

/** How many days the month has that servers are priced by. */
export const monthDays = monthS / dayS;

/** What one server's work would have cost elsewhere. Models that never wrote a token make embeddings: these are compared with nothing. */
export function cloudCostOf(hours: readonly LedgerHour[], price: Price): NanoUsd {
  const byModel = Map.groupBy(hours, ({ targetModel }) => targetModel);
  let nanoUsd = 0;
  for (const ofModel of byModel.values()) {
    const work = workOf(ofModel);
    if (work.outputTokens > 0) nanoUsd += costOfSums(work, price);
  }
  return nanoUsd;
}

export function serverReturns(costs: ServerCosts, cloudNanoUsd: NanoUsd): ServerReturns {
  const { upstream, server, span, timeNanoUsd, utilisation } = costs;
  const returns = returnsOf(cloudNanoUsd, timeNanoUsd);
  if (cloudNanoUsd === 0) return { upstream, ...returns };
  const perDay = (cloudNanoUsd / secondsOf(span)) * dayS;
  return {
    upstream,
    ...returns,
    breakEvenUtilisation: (utilisation * timeNanoUsd) / cloudNanoUsd,
    breakEvenDays: (server.monthlyUsd * 1e9) / perDay,
  };
}

export function returnsOf(cloudNanoUsd: NanoUsd, serverNanoUsd: NanoUsd): Returns {
  const net = { cloudNanoUsd, serverNanoUsd, netNanoUsd: cloudNanoUsd - serverNanoUsd };
  return serverNanoUsd === 0 ? net : { ...net, ratio: cloudNanoUsd / serverNanoUsd };
}
