// Medians and quartiles of a handful of rounds, and the random order in which contestants take their turns.

export interface Spread {
  readonly median: number;
  readonly lower: number;
  readonly upper: number;
  readonly rounds: number;
}

export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((left, right) => left - right);
  return {
    median: quantile(sorted, 0.5),
    lower: quantile(sorted, 0.25),
    upper: quantile(sorted, 0.75),
    rounds: sorted.length,
  };
}

export function shuffled<T>(items: readonly T[], random: () => number = Math.random): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const [moved] = order.splice(other, 1);
    if (moved !== undefined) order.splice(last, 0, moved);
  }
  return order;
}

/** Linear between the neighbours, so that the median of an even count is their mean. */
function quantile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}
