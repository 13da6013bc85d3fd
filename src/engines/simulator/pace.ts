/** How long everything takes, jitter included. */
import type { SimulatorOptions } from '../simulator-options.ts';

export interface Pace {
  readonly firstMs: number;
  /** From one token to the next. */
  nextMs(): number;
  /** The same for several tokens in a row. */
  spanMs(tokens: number): number;
}

export function createPace(options: SimulatorOptions, random: () => number): Pace {
  const { jitter, firstTokenMs, tokensPerSecond } = options;
  const tokenMs = tokensPerSecond === 0 ? 0 : 1000 / tokensPerSecond;
  const vary = (ms: number) => (jitter === 0 ? ms : ms * (1 + jitter * (2 * random() - 1)));
  return {
    firstMs: vary(firstTokenMs),
    nextMs: () => vary(tokenMs),
    spanMs: (tokens) => vary(tokenMs * tokens),
  };
}
