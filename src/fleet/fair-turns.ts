/**
 * Shares between parties by what each was given, in tokens. Whoever was given less than an even share goes first, in the
 * order of coming, as if there were no others; what is left is for those who were given more, the one with least first.
 * What a request comes to is charged when it begins, as expected, and put right when it has ended. Who has work at other
 * replicas too is taken to be given as much there, by its weight, and its share is so much less here.
 */

import type { Weights } from '../core/fleet.ts';
import { Arrivals } from '../lib/arrivals.ts';
import { type Entry, Heap } from '../lib/heap.ts';
import { EvenShare } from './even-share.ts';
import type { Asking, Charge, InnerLine, Moment, Standing } from './line.ts';

/** One party's own line. */
interface Lane<W extends Standing> extends Entry {
  readonly line: InnerLine<W>;
  /** How many of its requests have a slot for which those who wait here could have been taken. */
  underWay: number;
  /** How much of what it gets everywhere is to be here: 1, but where replicas share the slots. */
  weight: number;
  /** In tokens, at all replicas. */
  given: number;
  /** Whether that was less than an even share when it was looked at last. */
  isBelow: boolean;
}

interface AsCharged {
  readonly weight: number;
  readonly parties?: number;
}

/** Parties beyond it that neither wait nor work are forgotten, and what they were given with them. */
const lanesMax = 10_000;
/** Until it has ended nobody is charged more than so many times what requests usually come to: an estimate may be far off. */
const usualMax = 2;
/** What is usual is learnt of so many requests; the older one is, the less it counts. */
const requestsCounted = 64;

class Charged<W extends Standing> implements Charge {
  readonly lane: Lane<W>;
  readonly tokens: number;
  readonly weight: number;
  /** Between how many it was divided: an even share is put right by as much as it had grown by it. */
  readonly parties: number;
  readonly round: number;
  readonly #turns: FairTurns<W>;

  constructor(turns: FairTurns<W>, lane: Lane<W>, tokens: number) {
    this.#turns = turns;
    this.lane = lane;
    this.tokens = tokens;
    this.weight = lane.weight;
    this.parties = turns.parties;
    this.round = turns.round;
  }

  settle(tokens: number): void {
    this.#turns.settle(this, tokens);
  }
}

export class FairTurns<W extends Standing> implements InnerLine<W> {
  /** What was charged in one before, when nobody waited any more, is not put right. */
  round = 0;
  /** How many parties wait or work, by their weights. */
  parties = 0;
  readonly #partyOf: (one: Asking) => string;
  readonly #createLine: () => InnerLine<W>;
  readonly #lanes = new Map<string, Lane<W>>();
  /** Of those that wait: given less than an even share, by who came first; and the others, by what they were given. */
  readonly #below = new Heap<Lane<W>>();
  readonly #above = new Heap<Lane<W>>();
  readonly #even = new EvenShare();
  readonly #weights: Weights | undefined;
  #weightsVersion = 0;
  readonly #all = new Arrivals<W>();
  #settled = 0;
  #usualTokens = Number.POSITIVE_INFINITY;

  constructor(partyOf: (one: Asking) => string, createLine: () => InnerLine<W>, weights?: Weights) {
    this.#partyOf = partyOf;
    this.#createLine = createLine;
    this.#weights = weights;
  }

  get size(): number {
    return this.#all.size;
  }

  get oldest(): W | undefined {
    return this.#all.first;
  }

  add(one: W): void {
    const lane = this.#laneOf(one);
    if (isIdle(lane)) this.#join(lane, one);
    lane.line.add(one);
    this.#all.add(one);
    if (lane.line.size > 1) return;
    lane.given = Math.max(lane.given, this.#even.least);
    this.#place(lane);
  }

  remove(one: W): void {
    const lane = this.#lanes.get(this.#partyOf(one));
    if (lane === undefined || this.#all.remove(one) === undefined) return;
    lane.line.remove(one);
    this.#place(lane);
    if (isIdle(lane)) this.parties -= lane.weight;
    if (this.size === 0) this.#forget();
  }

  first(moment: Moment): W | undefined {
    this.#weighAgain();
    this.#even.tick(moment.nowMs);
    for (;;) {
      const next = this.#moved(this.#below.first) ?? this.#moved(this.#above.first);
      if (next === undefined) return (this.#below.first ?? this.#above.first)?.line.first(moment);
      this.#place(next);
    }
  }

  /** In a lane all are of one tenant. */
  firstBut(tenants: ReadonlySet<string>, moment: Moment): W | undefined {
    // Everybody stands where they belong then.
    if (this.first(moment) === undefined) return undefined;
    for (const heap of [this.#below, this.#above]) {
      let least: Lane<W> | undefined;
      for (const lane of heap.entries) {
        const isMeant = tenants.has(lane.line.oldest?.tenant ?? '');
        if (!isMeant && (least === undefined || lane.rank < least.rank)) least = lane;
      }
      if (least !== undefined) return least.line.first(moment);
    }
    return undefined;
  }

  charge(one: Asking, charges: Charge[]): void {
    const lane = this.#laneOf(one);
    this.#weighAgain();
    if (isIdle(lane)) {
      this.#join(lane, one);
      lane.given = Math.max(lane.given, this.#even.least);
    }
    const tokens = Math.min(one.tokens, usualMax * this.#usualTokens);
    lane.underWay += 1;
    charges.push(new Charged(this, lane, tokens));
    if (lane.line.size > 0) lane.line.charge?.(one, charges);
    this.#give(lane, tokens, lane);
  }

  settle(charged: Charged<W>, cameTo: number): void {
    const { lane, tokens, round } = charged;
    if (round !== this.round) return;
    this.#learn(cameTo);
    this.#give(lane, cameTo - tokens, charged);
    lane.underWay -= 1;
    if (isIdle(lane)) this.parties -= lane.weight;
  }

  /** Where there is only one party: between those within it. */
  over(one: Asking): number {
    const lane = this.#lanes.get(this.#partyOf(one));
    if (lane === undefined) return 0;
    if (this.#lanes.size === 1 && lane.line.over !== undefined) return lane.line.over(one);
    return Math.max(0, lane.given - this.#even.now);
  }

  chargeIdle(one: Asking, requests: number): void {
    const lane = this.#lanes.get(this.#partyOf(one));
    if (lane === undefined || this.#settled === 0) return;
    lane.line.chargeIdle?.(one, requests);
    this.#give(lane, requests * this.#usualTokens, lane);
  }

  /** While it waits for its own, each other party has as many turns, if it has anybody for them. */
  ahead(one: W): number {
    const lane = this.#lanes.get(this.#partyOf(one));
    if (lane === undefined) return 0;
    const own = lane.line.ahead(one);
    let ahead = own;
    for (const heap of [this.#below, this.#above]) {
      for (const other of heap.entries) {
        if (other !== lane) ahead += Math.min(other.line.size, other.given < lane.given ? own + 1 : own);
      }
    }
    return ahead;
  }

  #join(lane: Lane<W>, one: Asking): void {
    if (this.#weights !== undefined) lane.weight = this.#weights.of(this.#partyOf(one));
    this.parties += lane.weight;
  }

  /** Another replica has told something new. */
  #weighAgain(): void {
    const weights = this.#weights;
    if (weights === undefined || weights.version === this.#weightsVersion) return;
    this.#weightsVersion = weights.version;
    for (const [party, lane] of this.#lanes) {
      if (isIdle(lane)) continue;
      this.parties -= lane.weight;
      lane.weight = weights.of(party);
      this.parties += lane.weight;
    }
  }

  /** `weight`, `parties`: as they were when it was charged. */
  #give(lane: Lane<W>, tokens: number, { weight, parties = this.parties }: AsCharged): void {
    const had = lane.given;
    lane.given += tokens / weight;
    this.#even.given(tokens, parties, { had, has: lane.given });
    if (lane.at >= 0) this.#place(lane);
  }

  /** A lane that stands among those given less, or more, and does not belong there any more. */
  #moved(lane: Lane<W> | undefined): Lane<W> | undefined {
    return lane !== undefined && lane.isBelow !== this.#even.isBelow(lane.given) ? lane : undefined;
  }

  #place(lane: Lane<W>): void {
    const { oldest } = lane.line;
    const isBelow = this.#even.isBelow(lane.given);
    const stays = lane.at >= 0 && oldest !== undefined && isBelow === lane.isBelow;
    if (lane.at >= 0 && !stays) (lane.isBelow ? this.#below : this.#above).remove(lane);
    if (oldest === undefined) return;
    lane.isBelow = isBelow;
    lane.rank = isBelow ? oldest.came : lane.given;
    const heap = isBelow ? this.#below : this.#above;
    if (stays) heap.moved(lane);
    else heap.add(lane);
  }

  #learn(tokens: number): void {
    this.#settled += 1;
    const before = this.#settled === 1 ? tokens : this.#usualTokens;
    this.#usualTokens = before + Math.max(1 / this.#settled, 1 / requestsCounted) * (tokens - before);
  }

  /** Nobody waits: there is nothing to share, and nothing to remember. */
  #forget(): void {
    const lane = this.#lanes.size === 1 ? this.#lanes.values().next().value : undefined;
    if (lane === undefined) this.#lanes.clear();
    // Most have one key, and mostly one request: its line is not made again for the next.
    else Object.assign(lane, { underWay: 0, given: 0 });
    this.round += 1;
    this.#even.reset();
    this.parties = 0;
  }

  #laneOf(one: Asking): Lane<W> {
    const party = this.#partyOf(one);
    const known = this.#lanes.get(party);
    if (known !== undefined) return known;
    if (this.#lanes.size >= lanesMax) {
      for (const [name, lane] of this.#lanes) if (isIdle(lane)) this.#lanes.delete(name);
    }
    const lane = {
      line: this.#createLine(),
      underWay: 0,
      weight: 1,
      given: this.#even.least,
      isBelow: true,
      rank: 0,
      at: -1,
    };
    this.#lanes.set(party, lane);
    return lane;
  }
}

function isIdle<W extends Standing>({ line, underWay }: Lane<W>): boolean {
  return underWay === 0 && line.size === 0;
}
