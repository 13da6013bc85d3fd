/** What a server by the month costs while time goes by, and how much of that time it works. */
import type { LedgerHour, NanoUsd } from '../core/ledger.ts';
import { monthS, type ServerPrice } from './server-rates.ts';

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

const monthMs = BigInt(monthS * 1_000);

/** Parts of a span cost together what the whole of it costs, to the billionth. */
export function costOfSpan({ monthlyUsd }: ServerPrice, { fromMs, toMs }: Span): NanoUsd {
  const monthlyNanoUsd = BigInt(Math.round(monthlyUsd * 1e6)) * 1_000n;
  const until = (ms: number) => (monthlyNanoUsd * BigInt(Math.trunc(ms))) / monthMs;
  return toMs <= fromMs ? 0 : Number(until(toMs) - until(fromMs));
}

/** What its work takes with all its slots busy. What it had kept takes no time, as in its price. */
export function busySecondsOf(
  server: ServerPrice,
  work: Pick<LedgerHour, 'inputTokens' | 'cachedInputTokens' | 'outputTokens'>,
): number {
  const read = Math.max(0, work.inputTokens - work.cachedInputTokens);
  return read / server.inputTokensPerSecond + work.outputTokens / server.outputTokensPerSecond;
}

export function secondsOf({ fromMs, toMs }: Span): number {
  return Math.max(0, toMs - fromMs) / 1_000;
}
