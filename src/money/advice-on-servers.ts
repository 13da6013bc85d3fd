/** Advice on each server by the month, from what it did and what it cost. */
import type { LedgerHour, NanoUsd } from '../core/ledger.ts';
import type { Advice, AdviceAsked, NamedPrice } from './advice.ts';
import { daysMin, shareText, usdOf, usdText } from './advice-text.ts';
import { cloudCostOf } from './returns.ts';
import { secondsOf } from './server-time.ts';
import type { ServerCosts } from './true-costs.ts';

export const idleShare = 0.1;
/** Exchanges priced further than this from what the server costs mislead whoever reads them. */
const misjudgedShare = 0.25;

export function idle({ costs }: AdviceAsked): readonly Advice[] {
  return knownLong(costs.servers)
    .filter(({ utilisation }) => utilisation < idleShare)
    .map(({ upstream, utilisation, idleNanoUsd, timeNanoUsd, ...rest }) => ({
      kind: 'server-idle',
      about: [upstream],
      text:
        `${upstream} was busy ${shareText(utilisation)} of ${daysOf(rest)} days: ` +
        `${usdText(idleNanoUsd)} of ${usdText(timeNanoUsd)} went into waiting`,
      evidence: {
        utilisation,
        days: daysOf(rest),
        idleUsd: usdOf(idleNanoUsd),
        costUsd: usdOf(timeNanoUsd),
      },
      threshold: { utilisation: idleShare, days: daysMin },
    }));
}

/** Against the cheapest of what stands beside it in the configuration, and the model that is compared with. */
export function dearer(asked: AdviceAsked): readonly Advice[] {
  return knownLong(asked.costs.servers).flatMap((server) => {
    const other = cheapest(alternativesTo(server.upstream, asked), server.hours);
    if (other === undefined || other.nanoUsd >= server.timeNanoUsd) return [];
    const { inputTokens, outputTokens } = server.work;
    const millions = (inputTokens + outputTokens) / 1e6;
    const evidence = {
      costUsd: usdOf(server.timeNanoUsd),
      otherUsd: usdOf(other.nanoUsd),
      usdPerM: usdOf(server.timeNanoUsd) / millions,
      otherUsdPerM: usdOf(other.nanoUsd) / millions,
      utilisation: server.utilisation,
      breakEvenUtilisation: (server.utilisation * server.timeNanoUsd) / other.nanoUsd,
    };
    return [
      {
        kind: 'server-dearer-than-others',
        about: [server.upstream],
        text:
          `the tokens of ${server.upstream} cost ${usdText(server.timeNanoUsd)}; at ${other.name} they would have cost ` +
          `${usdText(other.nanoUsd)}: it pays from a utilisation of ${shareText(evidence.breakEvenUtilisation)} on, ` +
          `and had ${shareText(server.utilisation)}`,
        evidence,
        threshold: { otherUsd: evidence.costUsd, days: daysMin },
      },
    ];
  });
}

export function misjudged({ costs }: AdviceAsked): readonly Advice[] {
  return knownLong(costs.servers).flatMap(({ upstream, server, utilisation, work, timeNanoUsd }) => {
    const off = Math.abs(utilisation / server.utilisation - 1);
    if (utilisation === 0 || off <= misjudgedShare) return [];
    const evidence = {
      utilisation,
      configured: server.utilisation,
      attributedUsd: usdOf(work.costNanoUsd),
      costUsd: usdOf(timeNanoUsd),
    };
    // More than there is time for is more than its speeds allow.
    const remedy =
      utilisation > 1
        ? 'it is faster than its speeds say: measure them again'
        : `set \`utilisation: ${utilisation.toPrecision(2)}\``;
    return [
      {
        kind: 'server-priced-wrong',
        about: [upstream],
        text:
          `exchanges of ${upstream} are priced as if it were busy ${shareText(server.utilisation)} of the time, and it was ` +
          `${shareText(utilisation)}: they add up to ${usdText(work.costNanoUsd)} of the ${usdText(timeNanoUsd)} that it costs; ${remedy}`,
        evidence,
        threshold: { off: misjudgedShare, days: daysMin },
      },
    ];
  });
}

export function knownLong(servers: readonly ServerCosts[]): readonly ServerCosts[] {
  return servers.filter((server) => daysOf(server) >= daysMin);
}

function daysOf({ span }: Pick<ServerCosts, 'span'>): number {
  return Math.floor(secondsOf(span) / 86_400);
}

function alternativesTo(upstream: string, { models, against }: AdviceAsked): readonly NamedPrice[] {
  const beside = [...models.values()]
    .filter((targets) => targets.some((target) => target.upstream === upstream))
    .flat()
    .flatMap(({ upstream: other, targetModel, billed }) =>
      billed === undefined ? [] : [{ name: `${other}/${targetModel}`, price: billed }],
    );
  return against === undefined ? beside : [...beside, against];
}

/** Nothing where there is nothing to compare, or nobody to compare with. */
function cheapest(
  others: readonly NamedPrice[],
  hours: readonly LedgerHour[],
): { readonly name: string; readonly nanoUsd: NanoUsd } | undefined {
  return others
    .map(({ name, price }) => ({ name, nanoUsd: cloudCostOf(hours, price) }))
    .filter(({ nanoUsd }) => nanoUsd > 0)
    .reduce<{ name: string; nanoUsd: NanoUsd } | undefined>(
      (least, one) => (least === undefined || one.nanoUsd < least.nanoUsd ? one : least),
      undefined,
    );
}
