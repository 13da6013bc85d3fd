/** What tokens cost. Whole numbers only: a trillionth of a dollar is the millionth part of a price per million. */

/** Trillionths of a US dollar a token. */
export type PicoUsd = number;

export interface Rates {
  readonly input: PicoUsd;
  /** Input that the upstream had kept. */
  readonly cachedInput: PicoUsd;
  /** Input that the upstream keeps from now on. */
  readonly cacheWrite: PicoUsd;
  readonly output: PicoUsd;
  /** Output that nobody sees. */
  readonly reasoning: PicoUsd;
}

/** From so many input tokens on, not counting them, everything is charged at other rates. */
export interface Tier {
  readonly aboveTokens: number;
  readonly rates: Rates;
  /** Where an upstream serves it otherwise than usual. */
  readonly services?: Readonly<Partial<Record<Service, Rates>>>;
}

/** Work that may wait for a day, that may wait, and that waits for nobody else's: as OpenAI calls them. */
export const services = ['batch', 'flex', 'priority'] as const;
export type Service = (typeof services)[number];

/** Tiers in rising order; the first begins at 0. */
export type Price = readonly [Tier, ...Tier[]];

/** More than any model ever cost, and so little that no sum leaves the whole numbers. */
export const usdPerMMax = 10_000;

/** Rates as people write them. */
export interface RatesPerM {
  readonly inputPerM: number;
  readonly outputPerM: number;
  readonly cachedInputPerM?: number | undefined;
  readonly cacheWritePerM?: number | undefined;
  readonly reasoningPerM?: number | undefined;
}

/** What is not said costs what it is a part of. */
export function createRates(usd: RatesPerM): Rates {
  const input = picoUsd(usd.inputPerM);
  const output = picoUsd(usd.outputPerM);
  const or = (usdPerM: number | undefined, other: PicoUsd) =>
    usdPerM === undefined ? other : picoUsd(usdPerM);
  return {
    input,
    cachedInput: or(usd.cachedInputPerM, input),
    cacheWrite: or(usd.cacheWritePerM, input),
    output,
    reasoning: or(usd.reasoningPerM, output),
  };
}

/** Upwards, save for the dust that binary fractions leave. */
function picoUsd(usdPerM: number): PicoUsd {
  return Math.ceil(Math.min(usdPerM, usdPerMMax) * 1e6 - 1e-3);
}

export const free: Price = [{ aboveTokens: 0, rates: createRates({ inputPerM: 0, outputPerM: 0 }) }];

/** The dearest rates of each kind among them: whatever is charged by any of them, this is no less, however it is served. */
export function dearest(prices: Iterable<Price>): Price {
  let highest = free[0].rates;
  let served = highest;
  for (const price of prices) {
    for (const { rates, services: others = {} } of price) {
      highest = dearerRates(highest, rates);
      served = Object.values(others).reduce(dearerRates, served);
    }
  }
  return [{ aboveTokens: 0, rates: highest, services: { priority: dearerRates(highest, served) } }];
}

/** The dearer of each kind. */
export function dearerRates(one: Rates, other: Rates): Rates {
  return {
    input: Math.max(one.input, other.input),
    cachedInput: Math.max(one.cachedInput, other.cachedInput),
    cacheWrite: Math.max(one.cacheWrite, other.cacheWrite),
    output: Math.max(one.output, other.output),
    reasoning: Math.max(one.reasoning, other.reasoning),
  };
}
