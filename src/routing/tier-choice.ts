/**
 * Which candidates are asked at once: those of the first tier that has any. Tiers are for failures, so one whose
 * upstreams are all known to be down is none; when everybody is down they are asked in their order, for they may be back.
 */
import type { Target, Upstream } from '../core/exchange.ts';

/** What is known of upstreams, as far as choosing needs it. */
export interface Downs {
  /** False when nobody is down: then nobody has to be asked for. */
  readonly anyDown: boolean;
  isDown(upstream: Upstream): boolean;
}

export class TierChoice {
  readonly #downs: Downs;

  constructor(downs: Downs) {
    this.#downs = downs;
  }

  /** Those of `candidates`, tiers in their order, that a request may be sent to now. */
  first(candidates: readonly Target[], visited: ReadonlySet<string>): readonly Target[] {
    if (candidates.length === 1 || (visited.size === 0 && this.#allAlike(candidates))) return candidates;
    const left = candidates.filter(({ upstream }) => !visited.has(upstream.name));
    const there = left.filter(({ upstream }) => !this.#downs.isDown(upstream));
    const choosable = there.length > 0 ? there : left;
    const tier = choosable[0]?.tier;
    return choosable.filter((target) => target.tier === tier);
  }

  /** Those that may serve in place of `full`, which had no slot to give. */
  instead(
    full: readonly Target[],
    candidates: readonly Target[],
    visited: ReadonlySet<string>,
  ): readonly Target[] {
    return candidates.filter(
      (target) =>
        !full.includes(target) && !visited.has(target.upstream.name) && !this.#downs.isDown(target.upstream),
    );
  }

  #allAlike(candidates: readonly Target[]): boolean {
    return !this.#downs.anyDown && candidates[0]?.tier === candidates.at(-1)?.tier;
  }
}
