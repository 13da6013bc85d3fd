/** What everything truly cost in a span of time: servers by the month, idle or not, and what others charged. */
import type { LedgerHour, NanoUsd } from '../core/ledger.ts';
import type { ServerPrice } from './server-rates.ts';
import { busySecondsOf, costOfSpan, type Span, secondsOf } from './server-time.ts';

export interface Work {
  readonly exchanges: number;
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  /** As their exchanges were priced. */
  readonly costNanoUsd: NanoUsd;
}

export interface CostsAsked {
  readonly span: Span;
  /** The first hour that the ledger knows: before it there may have been no server. */
  readonly firstMs: number | undefined;
  /** By their upstreams' names. */
  readonly servers: ReadonlyMap<string, ServerPrice>;
  /** Of the span. */
  readonly hours: readonly LedgerHour[];
}

export interface ServerTime {
  readonly upstream: string;
  readonly span: Span;
  readonly work: Work;
  /** Of the time itself, whatever was done in it. */
  readonly timeNanoUsd: NanoUsd;
  readonly busyS: number;
  /** More than 1 where it did more than its speeds say it can. */
  readonly utilisation: number;
  readonly idleNanoUsd: NanoUsd;
}

export interface ServerCosts extends ServerTime {
  readonly server: ServerPrice;
  readonly hours: readonly LedgerHour[];
  readonly days: readonly ServerTime[];
}

export interface MeteredCosts {
  /** Empty for exchanges of which nobody knows where they went. */
  readonly upstream: string;
  readonly work: Work;
  /** Those on which something was done. */
  readonly days: readonly { readonly fromMs: number; readonly work: Work }[];
}

export interface TrueCosts {
  readonly servers: readonly ServerCosts[];
  /** All other upstreams, which cost what their exchanges cost. */
  readonly metered: readonly MeteredCosts[];
  readonly total: {
    readonly exchanges: number;
    readonly tokens: number;
    readonly serverNanoUsd: NanoUsd;
    readonly idleNanoUsd: NanoUsd;
    readonly meteredNanoUsd: NanoUsd;
    readonly nanoUsd: NanoUsd;
  };
}

const dayMs = 86_400_000;

export function trueCostsOf(asked: CostsAsked): TrueCosts {
  const byUpstream = Map.groupBy(asked.hours, ({ upstream }) => upstream);
  const servers = [...asked.servers].map(([upstream, server]) =>
    serverCosts(asked, { upstream, server, hours: byUpstream.get(upstream) ?? [] }),
  );
  const metered = [...byUpstream]
    .filter(([upstream]) => !asked.servers.has(upstream))
    .map(([upstream, hours]) => ({ upstream, work: workOf(hours), days: workByDay(hours) }));
  const serverNanoUsd = sumOf(servers, ({ timeNanoUsd }) => timeNanoUsd);
  const meteredNanoUsd = sumOf(metered, ({ work }) => work.costNanoUsd);
  const all = workOf(asked.hours);
  return {
    servers,
    metered,
    total: {
      exchanges: all.exchanges,
      tokens: all.inputTokens + all.outputTokens,
      serverNanoUsd,
      idleNanoUsd: sumOf(servers, ({ idleNanoUsd }) => idleNanoUsd),
      meteredNanoUsd,
      nanoUsd: serverNanoUsd + meteredNanoUsd,
    },
  };
}

interface Kept {
  readonly upstream: string;
  readonly server: ServerPrice;
  readonly hours: readonly LedgerHour[];
}

function serverCosts(asked: CostsAsked, kept: Kept): ServerCosts {
  const span = paidSpan(asked, kept.server);
  // What it did before anybody paid for it was for nothing.
  const paid = { ...kept, hours: kept.hours.filter(({ hourMs }) => hourMs >= span.fromMs) };
  const byDay = Map.groupBy(paid.hours, ({ hourMs }) => Math.floor(hourMs / dayMs));
  const days = daysOf(span).map((day) =>
    serverTime({ ...paid, hours: byDay.get(Math.floor(day.fromMs / dayMs)) ?? [] }, day),
  );
  const idleNanoUsd = sumOf(days, (day) => day.idleNanoUsd);
  return { ...serverTime(paid, span), idleNanoUsd, server: kept.server, hours: paid.hours, days };
}

/** From the first day on that it is paid for, as far as anybody said; else from when there was something to serve. */
function paidSpan({ span, firstMs = span.toMs }: CostsAsked, { since }: ServerPrice): Span {
  const paidMs = since === undefined ? firstMs - (firstMs % dayMs) : Date.parse(since);
  return { fromMs: Math.min(Math.max(span.fromMs, paidMs), span.toMs), toMs: span.toMs };
}

function daysOf({ fromMs, toMs }: Span): readonly Span[] {
  const days: Span[] = [];
  for (let at = fromMs; at < toMs; ) {
    const end = Math.min(toMs, at - (at % dayMs) + dayMs);
    days.push({ fromMs: at, toMs: end });
    at = end;
  }
  return days;
}

function serverTime({ upstream, server, hours }: Kept, span: Span): ServerTime {
  const work = workOf(hours);
  const timeNanoUsd = costOfSpan(server, span);
  const busyS = busySecondsOf(server, work);
  const seconds = secondsOf(span);
  const utilisation = seconds === 0 ? 0 : busyS / seconds;
  const idleNanoUsd = Math.round(timeNanoUsd * Math.max(0, 1 - utilisation));
  return { upstream, span, work, timeNanoUsd, busyS, utilisation, idleNanoUsd };
}

function workByDay(hours: readonly LedgerHour[]): MeteredCosts['days'] {
  const byDay = Map.groupBy(hours, ({ hourMs }) => hourMs - (hourMs % dayMs));
  return [...byDay].map(([fromMs, ofDay]) => ({ fromMs, work: workOf(ofDay) }));
}

export function workOf(hours: readonly LedgerHour[]): Work {
  return {
    exchanges: sumOf(hours, (hour) => hour.exchanges),
    inputTokens: sumOf(hours, (hour) => hour.inputTokens),
    cachedInputTokens: sumOf(hours, (hour) => hour.cachedInputTokens),
    outputTokens: sumOf(hours, (hour) => hour.outputTokens),
    reasoningTokens: sumOf(hours, (hour) => hour.reasoningTokens),
    costNanoUsd: sumOf(hours, (hour) => hour.costNanoUsd),
  };
}

function sumOf<Item>(items: readonly Item[], read: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + read(item), 0);
}
