/**
 * This replica's part of each upstream's slots. It is asked for and given back in the background, never while a request
 * waits for the answer: what a request needs to know is a look into a map.
 *
 * What is not renewed ends here before it ends for the others, so that two never use the same slot. While Redis is away
 * for everybody each goes on with what it held last, which together are no more than there are. Who slept and wakes up
 * cannot know whether others have its slots now, and uses none before it has heard.
 */
import type { Upstream } from '../core/exchange.ts';
import type { LearntSlots, Leased, SlotShares as Shares } from '../core/fleet.ts';
import type { AgreedSlots, LeaseClaim, LeaseGrant, Leases } from '../core/ports.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { PartyShares } from './party-shares.ts';

export interface SlotSharesOptions {
  readonly leases: Leases;
  readonly clock: Clock;
  /** As last known: at least 1. */
  readonly replicas: () => number;
  /** Who share the slots; absent where they are shared by replicas alone. */
  readonly parties?: PartyShares | undefined;
}

interface Share {
  slots: number;
  underWay: number;
  waiting: number;
  /** How many of them may be used. */
  granted: number;
  /** What the others last heard that we hold, and that we want. */
  toldHeld: number;
  toldWanted: number;
  /** Whether it was ever heard what is ours. */
  heard: boolean;
  /** Whether it is kept while nobody uses it: not so models, and servers that were configured before. */
  isNamed: boolean;
  /** Whether it was used since `usedMs`, when it was last seen to be. */
  isUsed: boolean;
  usedMs: number;
  /** What the others use, or hold. */
  others: number;
  /** What `slots` is found by, where nobody said. */
  learnt: LearntSlots | undefined;
  /** What was last agreed on: how many, and which number of all there were. */
  agreed: number;
  revision: number;
}

/** How often leases are renewed when nothing else is to be said. */
const renewMs = 1_000;
/** While something is waited for: news of it may have been missed. */
const waitingMs = 100;
/** What changes within so short a time is told together. */
const soonMs = 2;
/** Clocks of two machines do not run equally fast, and an answer is on its way for a while. */
const marginMs = 1_000;
/** Redis counts as away, and not as late, when it has not answered for so long. */
const convincedMs = 2_000;

export class SlotShares implements Shares {
  readonly #options: SlotSharesOptions;
  /** By the identity of the server, or of the model on it. */
  readonly #shares = new Map<string, Share>();
  #grown: () => void = () => {};
  #learntOf: (identity: string) => LearntSlots | undefined = () => undefined;
  /** Until then what was granted is ours, whatever happens. */
  #validUntilMs = 0;
  /** Since when nobody answers; undefined while somebody does. */
  #failingSinceMs: number | undefined;
  /** When this process was last seen at work. */
  #awakeMs: number;
  #timer: Timer | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #asking = false;
  /** Something was to be said while an answer was on its way. */
  #again = false;
  #closed = false;

  constructor(options: SlotSharesOptions) {
    this.#options = options;
    this.#awakeMs = options.clock.now();
    options.leases.onNews(() => this.#askWithin(soonMs));
  }

  of({ identity }: Leased, slots: number, nowMs = this.#options.clock.now()): number {
    const share = this.#shares.get(identity) ?? this.#begin(identity, slots);
    share.slots = slots;
    if (!this.#isAway(nowMs)) return nowMs < this.#validUntilMs ? Math.min(share.granted, slots) : 0;
    const replicas = this.#options.replicas();
    // Who came just now waits for the others to give back its part. Of fewer slots than replicas it may never have had one.
    const hadPart = share.granted > 0 || (share.heard && slots < replicas);
    return hadPart ? Math.min(share.granted, slots) : Math.max(1, Math.floor(slots / replicas));
  }

  want({ identity }: Leased, underWay: number, waiting: number): void {
    const share = this.#shares.get(identity);
    if (share === undefined) return;
    share.underWay = underWay;
    share.waiting = waiting;
    share.isUsed = true;
    if (this.#isNews(share)) this.#askWithin(soonMs);
  }

  onGrown(run: () => void): void {
    this.#grown = run;
  }

  others({ identity }: Leased): number {
    return this.#shares.get(identity)?.others ?? 0;
  }

  learnFrom(learntOf: (identity: string) => LearntSlots | undefined): void {
    this.#learntOf = learntOf;
  }

  /** These are the upstreams there are: what is no longer used of others is given back after a while. Asks at once. */
  async follow(upstreams: readonly Upstream[]): Promise<void> {
    const named = new Set(upstreams.map(({ identity }) => identity));
    for (const [identity, share] of this.#shares) share.isNamed = named.has(identity);
    for (const { identity, slots } of upstreams) {
      const share = this.#shares.get(identity) ?? this.#begin(identity, slots);
      share.isNamed = true;
    }
    await this.#ask();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#options.leases.release([...this.#shares.keys()]);
  }

  #begin(identity: string, slots: number): Share {
    const share: Share = {
      slots,
      underWay: 0,
      waiting: 0,
      granted: 0,
      toldHeld: 0,
      toldWanted: 0,
      heard: false,
      isNamed: false,
      isUsed: false,
      usedMs: this.#options.clock.now(),
      others: 0,
      learnt: undefined,
      agreed: 0,
      revision: 0,
    };
    this.#shares.set(identity, share);
    this.#askWithin(soonMs);
    return share;
  }

  /** Nobody answers, and it is not that we slept: then the others cannot hear of anything new either. */
  #isAway(nowMs: number): boolean {
    const sinceMs = this.#failingSinceMs;
    return sinceMs !== undefined && nowMs - sinceMs >= convincedMs && !this.#slept(nowMs);
  }

  #slept(nowMs: number): boolean {
    return nowMs - this.#awakeMs > renewMs + marginMs;
  }

  #askWithin(ms: number): void {
    if (this.#closed) return;
    if (this.#asking) {
      this.#again = true;
      return;
    }
    const dueMs = this.#options.clock.now() + ms;
    if (dueMs >= this.#dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = this.#options.clock.after(ms, () => void this.#ask());
  }

  async #ask(): Promise<void> {
    if (this.#closed || this.#asking) return;
    this.#timer?.cancel();
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#asking = true;
    this.#again = false;
    const { clock, leases } = this.#options;
    const sentMs = clock.now();
    this.#forgetUnused(sentMs);
    const asked = [...this.#shares];
    const claims = this.#claims(asked, sentMs);
    this.#awakeMs = sentMs;
    const grants = await leases.renew(claims);
    this.#asking = false;
    if (grants === undefined) this.#unheard(sentMs);
    else this.#heard(asked, { claims, grants, sentMs });
    this.#askWithin(this.#again ? soonMs : this.#pauseMs());
  }

  /** Of what is forgotten nothing may be held: whoever waits for it would wait for as long as the lease. */
  #forgetUnused(nowMs: number): void {
    const { leases, parties } = this.#options;
    const unused: string[] = [];
    for (const [identity, share] of this.#shares) {
      if (share.isUsed || share.underWay + share.waiting > 0) share.usedMs = nowMs;
      share.isUsed = false;
      if (!share.isNamed && nowMs - share.usedMs >= leases.leaseMs) unused.push(identity);
    }
    for (const identity of unused) {
      this.#shares.delete(identity);
      parties?.forget(identity);
    }
    if (unused.length > 0) void leases.release(unused);
  }

  #claims(asked: readonly (readonly [string, Share])[], nowMs: number): readonly LeaseClaim[] {
    const slept = this.#slept(nowMs);
    if (slept) this.#failingSinceMs = undefined;
    // What was not renewed in time may be another's by now: only what is under way is certain to be used.
    const isOurs = nowMs < this.#validUntilMs || (!slept && this.#isAway(nowMs));
    const { parties } = this.#options;
    parties?.begin(nowMs);
    return asked.map(([upstream, share]) => {
      if (!isOurs) share.granted = 0;
      if (!isOurs && slept) share.heard = false;
      share.learnt = this.#learntOf(upstream);
      share.slots = share.learnt?.now ?? share.slots;
      const { slots, heard } = share;
      const wanted = share.underWay + share.waiting;
      const claim = { upstream, slots, held: heldOf(share), wanted, heard, learnt: learntClaimOf(share) };
      return { ...claim, ...parties?.said(upstream) };
    });
  }

  #unheard(sentMs: number): void {
    const nowMs = this.#options.clock.now();
    if (nowMs >= this.#validUntilMs) this.#options.parties?.forgetAll();
    // An answer that we slept through says nothing of the server.
    if (nowMs - sentMs < convincedMs) this.#failingSinceMs ??= sentMs;
    // No answer is coming that would tell those who wait that there are slots for them after all.
    if (this.#isAway(nowMs) && this.#someWait) this.#grown();
  }

  get #someWait(): boolean {
    for (const { waiting } of this.#shares.values()) if (waiting > 0) return true;
    return false;
  }

  #heard(
    asked: readonly (readonly [string, Share])[],
    answer: { claims: readonly LeaseClaim[]; grants: readonly LeaseGrant[]; sentMs: number },
  ): void {
    const { leases, parties } = this.#options;
    this.#failingSinceMs = undefined;
    this.#validUntilMs = answer.sentMs + leases.leaseMs - marginMs;
    let grown = false;
    asked.forEach(([upstream, share], at) => {
      const [grant, claim] = [answer.grants[at], answer.claims[at]];
      if (grant === undefined || claim === undefined) return;
      const before = usable(share);
      // Who waits may have begun to before there was anything to be told of.
      const isAwaited = share.waiting > 0 || !share.heard;
      share.heard = true;
      share.toldHeld = Math.max(grant.slots, claim.held);
      share.toldWanted = claim.wanted;
      share.granted = grant.slots;
      share.others = grant.others;
      if (grant.learnt !== undefined) agree(share, grant.learnt, claim.slots);
      parties?.heard(upstream, share.slots, [claim, grant]);
      grown ||= isAwaited && usable(share) > before;
    });
    if (grown) this.#grown();
  }

  #pauseMs(): number {
    let pauseMs = this.#failingSinceMs === undefined ? renewMs : waitingMs;
    for (const share of this.#shares.values()) {
      if (this.#isNews(share)) return soonMs;
      if (wantsMore(share)) pauseMs = waitingMs;
    }
    return pauseMs;
  }

  /** Something can be given back, or more is wanted than the others know of. Who gets no answer must not ask in a circle. */
  #isNews(share: Share): boolean {
    if (this.#failingSinceMs !== undefined) return false;
    if (isFoundOut(share)) return true;
    return share.toldHeld > heldOf(share) || (wantsMore(share) && share.toldWanted <= share.granted);
  }
}

function heldOf({ granted, underWay }: Share): number {
  return Math.max(granted, underWay);
}

function usable({ granted, slots }: Share): number {
  return Math.min(granted, slots);
}

/** Whether another number was found here than was agreed on. */
function isFoundOut({ learnt, agreed }: Share): boolean {
  return learnt !== undefined && learnt.now !== agreed;
}

function learntClaimOf(share: Share): LeaseClaim['learnt'] {
  const { learnt, revision } = share;
  if (learnt === undefined) return undefined;
  const isNew = revision > 0 && isFoundOut(share);
  return { tooMany: learnt.tooMany, revision, isNew };
}

/** `told`: what we said that there are. Since then it may have been found out that there are more, or fewer. */
function agree(share: Share, { slots, tooMany, revision }: AgreedSlots, told: number): void {
  const { learnt } = share;
  if (learnt === undefined) return;
  const isNews = learnt.now !== told && (slots === told || learnt.now < slots);
  if (!isNews) learnt.follow(slots, tooMany);
  share.revision = revision;
  // Where fewer are possible here than were agreed on there is nothing to tell.
  share.agreed = isNews ? slots : learnt.now;
  share.slots = learnt.now;
}

function wantsMore({ granted, underWay, waiting, slots }: Share): boolean {
  return waiting > 0 && Math.min(underWay + waiting, slots) > granted;
}
