/** The monthly price of a server, spread over the tokens that it can read and write in the time that it is busy. */
import type { RatesPerM } from './price.ts';

export interface ServerPrice {
  readonly monthlyUsd: number;
  readonly inputTokensPerSecond: number;
  readonly outputTokensPerSecond: number;
  /** The share of the month that it is busy. */
  readonly utilisation: number;
  /** The first day that it is paid for: `YYYY-MM-DD` in UTC. */
  readonly since?: string | undefined;
}

/** A twelfth of 365 days. */
export const monthS = 2_628_000;

/** A token costs the busy time that it takes. What was read before takes none. */
export function serverRates(server: ServerPrice): RatesPerM {
  const usdPerBusySecond = server.monthlyUsd / (monthS * server.utilisation);
  return {
    inputPerM: (usdPerBusySecond / server.inputTokensPerSecond) * 1e6,
    cachedInputPerM: 0,
    outputPerM: (usdPerBusySecond / server.outputTokensPerSecond) * 1e6,
  };
}
