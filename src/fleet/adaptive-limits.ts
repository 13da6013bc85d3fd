/** The limits of the upstreams whose slots nobody configured, kept over reloads. */
import type { Upstream } from '../core/exchange.ts';
import type { Ending } from '../core/fleet.ts';
import { AdaptiveLimit } from './adaptive-limit.ts';

export class AdaptiveLimits {
  readonly #limits = new Map<string, AdaptiveLimit>();

  /** As many as the upstream's kind begins with, as long as nothing is learnt of it. */
  of(upstream: Upstream): number {
    return this.#limits.get(upstream.identity)?.now ?? upstream.slots;
  }

  /** `inFlight` counts the one that ended. Says whether the limit is another one now. */
  ended(upstream: Upstream, ending: Ending, inFlight: number): boolean {
    const { slots: start, slotsAssumed, slotsMax: max = start } = upstream;
    if (!slotsAssumed || max === start) return false;
    let limit = this.#limits.get(upstream.identity);
    if (limit === undefined) {
      limit = new AdaptiveLimit({ start, max });
      this.#limits.set(upstream.identity, limit);
    }
    const before = limit.now;
    limit.ended(ending, inFlight);
    return limit.now !== before;
  }

  /** Forgets those that no configuration names any more, and those that are told how many they have. */
  keepOnly(upstreams: readonly Upstream[]): void {
    const kept = new Set(
      upstreams.filter(({ slotsAssumed }) => slotsAssumed).map(({ identity }) => identity),
    );
    for (const identity of this.#limits.keys()) if (!kept.has(identity)) this.#limits.delete(identity);
  }
}
