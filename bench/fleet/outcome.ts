// What came of a run: the times from arrival to end, without the first tenth, in which the fleet is still empty.
export interface Outcome {
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** When the last of them ended. */
  readonly endedMs: number;
}

const warmUpShare = 0.1;

/** `tookMs` in the order in which the requests ended. */
export function outcomeOf(tookMs: readonly number[], endedMs: number): Outcome {
  const counted = tookMs.slice(Math.ceil(tookMs.length * warmUpShare)).sort((one, other) => one - other);
  const at = (share: number) =>
    counted[Math.min(counted.length - 1, Math.floor(share * counted.length))] ?? 0;
  const meanMs = counted.reduce((sum, each) => sum + each, 0) / Math.max(1, counted.length);
  return { meanMs, p50Ms: at(0.5), p99Ms: at(0.99), endedMs };
}
