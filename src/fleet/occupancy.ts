/** How many slots each upstream has, and how many are taken: kept by its identity, so that a reload forgets nobody. */
import type { Target, Upstream } from '../core/exchange.ts';
import type { Ending } from '../core/fleet.ts';
import { AdaptiveLimit } from './adaptive-limit.ts';

/** One server's slots, as long as it is configured or works for somebody. */
interface Seats {
  inFlight: number;
  /** As configured, or assumed of its kind. */
  configured: number;
  /** What the server tells of itself, where nobody said. */
  told: number | undefined;
  /** Where nobody tells: what is learnt from its answers. */
  learnt: AdaptiveLimit | undefined;
  /** In flight by model, where each has a bound of its own. */
  readonly byModel: Map<string, number>;
}

export type SlotsFrom = 'configured' | 'told' | 'learnt' | 'assumed';

export class Occupancy {
  readonly #seats = new Map<string, Seats>();

  inFlight(upstream: Upstream): number {
    return this.#seats.get(upstream.identity)?.inFlight ?? 0;
  }

  /** How many requests the upstream works on at once, as far as we know. */
  limitOf(upstream: Upstream): number {
    const { told, learnt, configured } = this.#of(upstream);
    return told ?? learnt?.now ?? configured;
  }

  /** What `limitOf` goes by, where it is learnt from answers. */
  learntOf(identity: string): AdaptiveLimit | undefined {
    const seats = this.#seats.get(identity);
    return seats?.told === undefined ? seats?.learnt : undefined;
  }

  /** Who says how many: the configuration, the server, its answers, or what servers of its kind usually do. */
  limitFrom(upstream: Upstream): SlotsFrom {
    if (!upstream.slotsAssumed) return 'configured';
    const { told, learnt } = this.#of(upstream);
    if (told !== undefined) return 'told';
    return learnt === undefined ? 'assumed' : 'learnt';
  }

  inFlightOn({ upstream, model }: Target): number {
    return this.#seats.get(upstream.identity)?.byModel.get(model) ?? 0;
  }

  began({ upstream, model }: Target): void {
    const seats = this.#of(upstream);
    seats.inFlight += 1;
    if (upstream.slotsPerModel !== undefined) seats.byModel.set(model, (seats.byModel.get(model) ?? 0) + 1);
  }

  /** `others`: what other replicas have in flight there. */
  ended({ upstream, model }: Target, ending: Ending, others: number): void {
    const seats = this.#of(upstream);
    seats.learnt?.ended(ending, seats.inFlight, others);
    seats.inFlight -= 1;
    const left = (seats.byModel.get(model) ?? 0) - 1;
    // One that began before a reload may have been counted for all alone.
    if (left > 0) seats.byModel.set(model, left);
    else seats.byModel.delete(model);
  }

  /** What the server says itself counts where the configuration says nothing, up to what is assumed of its kind. */
  learn(upstream: Upstream, slots: number | undefined): void {
    const seats = this.#of(upstream);
    const isOurs = slots !== undefined && upstream.slotsAssumed;
    seats.configured = upstream.slots;
    seats.told = isOurs ? Math.min(slots, upstream.slotsMax ?? upstream.slots) : undefined;
  }

  /** After a reload: the new counts hold for those who know an upstream by an older one as well. */
  resize(upstreams: readonly Upstream[]): void {
    const named = new Set<string>();
    for (const upstream of upstreams) {
      const seats = this.#of(upstream);
      seats.configured = upstream.slots;
      if (!upstream.slotsAssumed) seats.told = undefined;
      seats.learnt = limitFor(upstream, seats.learnt);
      named.add(upstream.identity);
    }
    for (const [identity, { inFlight }] of this.#seats) {
      if (inFlight === 0 && !named.has(identity)) this.#seats.delete(identity);
    }
  }

  #of(upstream: Upstream): Seats {
    const known = this.#seats.get(upstream.identity);
    if (known !== undefined) return known;
    const learnt = limitFor(upstream);
    const seats = { inFlight: 0, configured: upstream.slots, told: undefined, learnt, byModel: new Map() };
    this.#seats.set(upstream.identity, seats);
    return seats;
  }
}

/** The one there is stays as long as it is still to be learnt. */
function limitFor(upstream: Upstream, before?: AdaptiveLimit): AdaptiveLimit | undefined {
  const { slots: start, slotsAssumed, slotsMax: max = start } = upstream;
  return slotsAssumed && max > start ? (before ?? new AdaptiveLimit({ start, max })) : undefined;
}
