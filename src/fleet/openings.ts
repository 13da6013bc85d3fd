/** Which of a request's targets have a slot for it at this moment. */
import type { Target, Upstream } from '../core/exchange.ts';
import type { Gate, Leased, SlotShares, Want } from '../core/fleet.ts';
import type { CopyBounds } from './copy-bounds.ts';
import type { Room } from './kept-slots.ts';
import { leasedModel } from './leased-model.ts';
import type { Occupancy, SlotsFrom } from './occupancy.ts';

export interface OpeningsOptions {
  readonly occupancy: Occupancy;
  readonly gate: Gate;
  readonly copies?: CopyBounds | undefined;
  /** Present where replicas share the slots. */
  readonly shares?: SlotShares | undefined;
}

export interface Waiting {
  /** How many wait that could be sent there. */
  waitingAt(leased: Leased): number;
}

export class Openings {
  readonly #options: OpeningsOptions;

  constructor(options: OpeningsOptions) {
    this.#options = options;
  }

  /** Of the first tier that may be asked, those that have a slot free. */
  of(want: Want): readonly Target[] {
    let tier = 0;
    const free: Target[] = [];
    for (const target of this.#candidatesOf(want)) {
      if (tier !== 0 && target.tier !== tier) break;
      const allowed = this.#allowed(target, want);
      if (allowed === 0) continue;
      // One whose slots are all another replica's at this moment is busy, and not down.
      tier = target.tier;
      if (this.#hasRoom(target, allowed)) free.push(target);
    }
    return free;
  }

  /** The first of those: asked for each queue at each slot that comes free, so that it makes no list. */
  first(want: Want, nowMs?: number): Target | undefined {
    let tier = 0;
    for (const target of this.#candidatesOf(want)) {
      if (tier !== 0 && target.tier !== tier) return undefined;
      const allowed = this.#allowed(target, want);
      if (allowed === 0) continue;
      tier = target.tier;
      if (this.#hasRoom(target, allowed, nowMs)) return target;
    }
    return undefined;
  }

  /** How many slots there are for it, in the first tier that may be asked, and how many of them are free. */
  roomFor(want: Want): Room & { readonly tier: number } {
    let [tier, free, slots] = [0, 0, 0];
    for (const target of this.#candidatesOf(want)) {
      if (tier !== 0 && target.tier !== tier) break;
      const allowed = this.#allowed(target, want);
      if (allowed === 0) continue;
      tier = target.tier;
      const ours = this.#ours(target.upstream, allowed);
      slots += ours;
      if (this.#hasRoom(target, allowed)) free += ours - this.#options.occupancy.inFlight(target.upstream);
    }
    return { tier, free, slots };
  }

  /** For who can wait no longer: of any tier. */
  ofAnyTier(want: Want): readonly Target[] {
    return this.#candidatesOf(want).filter((target) => this.#hasRoom(target, this.#allowed(target, want)));
  }

  /** Tenants that may not be sent to one of its targets while all others may. */
  shutFor({ candidates, visited }: Want): readonly string[] {
    const { gate } = this.#options;
    return candidates.flatMap((target) => (visited.has(target.upstream.name) ? [] : gate.shutFor(target)));
  }

  /** Whether anything for the request may be sent there, were it not busy. */
  mayBeAsked(target: Target, want: Want): boolean {
    const { gate, occupancy } = this.#options;
    return gate.allows(target, occupancy.limitOf(target.upstream), want) > 0;
  }

  /** Whether any more can be sent there, whatever it is. */
  hasRoom(upstream: Upstream): boolean {
    return this.#options.occupancy.inFlight(upstream) < this.slots(upstream);
  }

  /** How many there are for us. */
  slots(upstream: Upstream): number {
    return this.#ours(upstream, this.#options.occupancy.limitOf(upstream));
  }

  /** How that is known; `leased` where others of us have some of them at this moment. */
  slotsFrom(upstream: Upstream): SlotsFrom | 'leased' {
    const { occupancy } = this.#options;
    return this.slots(upstream) < occupancy.limitOf(upstream) ? 'leased' : occupancy.limitFrom(upstream);
  }

  /** What is under way and waits there has changed: replicas divide slots by it. */
  tell(target: Target, queues: Waiting): void {
    const { shares, occupancy } = this.#options;
    if (shares === undefined) return;
    const { upstream } = target;
    shares.want(upstream, occupancy.inFlight(upstream), queues.waitingAt(upstream));
    const model = leasedModel(target);
    if (model !== undefined) shares.want(model, occupancy.inFlightOn(target), queues.waitingAt(model));
  }

  #candidatesOf(want: Want): readonly Target[] {
    const { copies } = this.#options;
    if (copies === undefined || copies.isEmpty) return want.candidates;
    return copies.among(want, (target) => this.mayBeAsked(target, want));
  }

  /** None where it has failed the request already. */
  #allowed(target: Target, want: Want): number {
    const { gate, occupancy } = this.#options;
    if (want.visited.has(target.upstream.name)) return 0;
    return gate.allows(target, occupancy.limitOf(target.upstream), want);
  }

  #hasRoom(target: Target, allowed: number, nowMs?: number): boolean {
    const { upstream } = target;
    const { occupancy } = this.#options;
    const inFlight = occupancy.inFlight(upstream);
    // Whoever is busy anyway need not be asked what part of it is ours.
    if (inFlight >= allowed) return false;
    if (upstream.slotsPerModel !== undefined && occupancy.inFlightOn(target) >= this.#oursOfModel(target))
      return false;
    return inFlight < this.#ours(upstream, allowed, nowMs);
  }

  #oursOfModel(target: Target): number {
    const { slotsPerModel = 0 } = target.upstream;
    const leased = leasedModel(target);
    return leased === undefined
      ? slotsPerModel
      : (this.#options.shares?.of(leased, slotsPerModel) ?? slotsPerModel);
  }

  /** Of so many slots those that no other replica has. */
  #ours(upstream: Upstream, slots: number, nowMs?: number): number {
    const { shares, occupancy } = this.#options;
    return shares === undefined
      ? slots
      : Math.min(slots, shares.of(upstream, occupancy.limitOf(upstream), nowMs));
  }
}
