/** Advice that takes more than one server to give: how many are needed, what others did meanwhile, what lies unused. */
import type { LedgerHour } from '../core/ledger.ts';
import type { Advice, AdviceAsked } from './advice.ts';
import { idleShare, knownLong } from './advice-on-servers.ts';
import { daysMin, shareText, usdOf, usdText } from './advice-text.ts';
import { busySecondsOf } from './server-time.ts';
import type { ServerCosts } from './true-costs.ts';

/** How busy the servers that are left may be in the busiest hour there was. */
const peakShare = 0.7;
/** A single server is told of when one of half its speed would carry that hour. */
const halfShare = 0.5;
/** A server that is busy for less than this of an hour had room in it. */
const roomShare = 0.3;
const unusedDays = 14;
const hourMs = 3_600_000;
const dayMs = 86_400_000;
const hourS = 3_600;

export function tooLarge({ costs, models }: AdviceAsked): readonly Advice[] {
  const servesOf = (upstream: string) =>
    [...models]
      .filter(([, targets]) => targets.some((target) => target.upstream === upstream))
      .map(([name]) => name);
  // Servers are alike when each can do what another does, as fast. One that stands behind no name is like no other.
  const alike = Map.groupBy(knownLong(costs.servers), ({ upstream, server }) => {
    const serves = servesOf(upstream);
    const { inputTokensPerSecond, outputTokensPerSecond } = server;
    const kind = serves.length === 0 ? [upstream] : serves;
    return JSON.stringify([inputTokensPerSecond, outputTokensPerSecond, ...kind]);
  });
  return [...alike.values()].flatMap((servers) => tooLargeOf(servers));
}

function tooLargeOf(servers: readonly ServerCosts[]): readonly Advice[] {
  const peak = peakOf(servers);
  if (peak.servers === 0) return [];
  const needed = peak.servers / peakShare;
  const names = servers.map(({ upstream }) => upstream);
  const evidence = { servers: servers.length, busyInPeak: peak.servers, peakAtMs: peak.hourMs, needed };
  const when = `${new Date(peak.hourMs).toISOString().slice(0, 13)}:00 UTC`;
  const enough = Math.max(1, Math.ceil(needed - 1e-9));
  if (enough < servers.length) {
    const text =
      `${names.join(', ')} are alike, and in their busiest hour (${when}) kept ${peak.servers.toFixed(2)} of ` +
      `${servers.length} busy: ${enough} would carry it at ${shareText(peakShare)}`;
    return [
      {
        kind: 'servers-too-large',
        about: names,
        text,
        evidence,
        threshold: { peakUtilisation: peakShare, days: daysMin },
      },
    ];
  }
  // One that is idle is told of as that.
  const isIdle = servers.every(({ utilisation }) => utilisation < idleShare);
  if (servers.length > 1 || needed > halfShare || isIdle) return [];
  const text =
    `${names[0]} was busy ${shareText(peak.servers)} of its busiest hour (${when}): ` +
    `one of ${shareText(needed)} of its speed would carry it at ${shareText(peakShare)}`;
  const threshold = { peakUtilisation: peakShare, share: halfShare, days: daysMin };
  return [{ kind: 'servers-too-large', about: names, text, evidence, threshold }];
}

/** How many servers' whole time the busiest hour took. */
function peakOf(servers: readonly ServerCosts[]): { readonly servers: number; readonly hourMs: number } {
  let peak = { servers: 0, hourMs: 0 };
  for (const [at, busyS] of busyByHour(servers)) {
    if (busyS / hourS > peak.servers) peak = { servers: busyS / hourS, hourMs: at };
  }
  return peak;
}

function busyByHour(servers: readonly ServerCosts[]): ReadonlyMap<number, number> {
  const busy = new Map<number, number>();
  for (const { server, hours } of servers) {
    for (const hour of hours) {
      busy.set(hour.hourMs, (busy.get(hour.hourMs) ?? 0) + busySecondsOf(server, hour));
    }
  }
  return busy;
}

/** Within an hour there may have been moments without a free slot: the share leaves much room for them. */
export function billedWhileIdle({ costs, hours, models }: AdviceAsked): readonly Advice[] {
  return [...models].flatMap(([model, targets]) => {
    const servers = costs.servers.filter(({ upstream }) =>
      targets.some((target) => target.upstream === upstream),
    );
    if (servers.length === 0) return [];
    const busy = busyByHour(servers);
    return targets.flatMap(({ upstream, targetModel, billed }) => {
      if (billed === undefined) return [];
      const found = hours.filter(
        (hour) =>
          hour.upstream === upstream &&
          hour.targetModel === targetModel &&
          hasRoom(servers, hour, busy.get(hour.hourMs) ?? 0),
      );
      return toldOf({ model, target: `${upstream}/${targetModel}`, servers, found });
    });
  });
}

/** Of those that were paid for in that hour. */
function hasRoom(servers: readonly ServerCosts[], { hourMs: at }: LedgerHour, busyS: number): boolean {
  const paid = servers.filter(({ span }) => span.fromMs <= at && at + hourMs <= span.toMs);
  return paid.length > 0 && busyS / (paid.length * hourS) < roomShare;
}

interface Billed {
  readonly model: string;
  readonly target: string;
  readonly servers: readonly ServerCosts[];
  readonly found: readonly LedgerHour[];
}

function toldOf({ model, target, servers, found }: Billed): readonly Advice[] {
  const costNanoUsd = found.reduce((sum, hour) => sum + hour.costNanoUsd, 0);
  const exchanges = found.reduce((sum, hour) => sum + hour.exchanges, 0);
  if (costNanoUsd === 0) return [];
  const names = servers.map(({ upstream }) => upstream).join(', ');
  return [
    {
      kind: 'billed-while-idle',
      about: [target],
      text:
        `${target} served ${exchanges} exchanges for ${usdText(costNanoUsd)} in ${found.length} hours in which ${names}, ` +
        `also behind ${model}, had less than ${shareText(roomShare)} to do`,
      evidence: { hours: found.length, exchanges, costUsd: usdOf(costNanoUsd) },
      threshold: { utilisation: roomShare },
    },
  ];
}

export function unpriced({ costs, unpriced: names }: AdviceAsked): readonly Advice[] {
  return costs.metered
    .filter(({ upstream, work }) => names.has(upstream) && work.costNanoUsd === 0)
    .map(({ upstream, work }) => ({
      kind: 'server-unpriced',
      about: [upstream],
      text:
        `${upstream} is your own and served ${work.exchanges} exchanges, which count as free: ` +
        `say under \`prices.${upstream}\` what its server costs a month`,
      evidence: { exchanges: work.exchanges, tokens: work.inputTokens + work.outputTokens },
      threshold: { exchanges: 1 },
    }));
}

export function kept(asked: AdviceAsked): readonly Advice[] {
  if (!isUseKnown(asked)) return [];
  const { span, hours, loaded } = asked;
  const sinceMs = span.toMs - unusedDays * dayMs;
  const used = new Set(
    hours
      .filter((hour) => hour.hourMs >= sinceMs)
      .map(({ upstream, targetModel }) => modelAt(upstream, targetModel)),
  );
  return loaded
    .filter(({ upstream, model }) => !used.has(modelAt(upstream, model)))
    .map(({ upstream, model }) => ({
      kind: 'model-unused',
      about: [`${upstream}/${model}`],
      text: `${upstream} keeps ${model} loaded, and nobody has used it for ${unusedDays} days`,
      evidence: { exchanges: 0, days: unusedDays },
      threshold: { days: unusedDays },
    }));
}

/** Whether the ledger reaches back far enough to say that nobody used a model. */
export function isUseKnown({ span, firstMs }: Pick<AdviceAsked, 'span' | 'firstMs'>): boolean {
  return firstMs !== undefined && Math.max(firstMs, span.fromMs) <= span.toMs - unusedDays * dayMs;
}

/** Servers that name versions take a name without one for its latest. */
function modelAt(upstream: string, model: string): string {
  return `${upstream}/${model.replace(/:latest$/, '')}`;
}
