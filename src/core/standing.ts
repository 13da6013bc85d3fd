/** How far the limits that apply to a caller are spent: of each unit the one with the least left. */
export interface Standing {
  readonly requests: Allowance | undefined;
  readonly tokens: Allowance | undefined;
}

export interface Allowance {
  /** As much as may come at once after a pause. */
  readonly limit: number;
  readonly remaining: number;
  /** Until nothing of it is spent. */
  readonly resetMs: number;
  /** Until all of it is there again, when it is spent. */
  readonly windowMs: number;
}

export function tightest(one: Standing | undefined, other: Standing | undefined): Standing | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return { requests: tighter(one.requests, other.requests), tokens: tighter(one.tokens, other.tokens) };
}

export function tighter(one: Allowance | undefined, other: Allowance | undefined): Allowance | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.remaining < one.remaining ? other : one;
}
