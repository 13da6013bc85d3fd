/**
 * Shares between parties by what each was given, in tokens: whoever was given least has the next turn. Who comes later, or
 * comes back, begins little before where those who wait have got to: a few requests at once of one who asks for little do not
 * wait for each other, and nobody saves up more than that.
 */
import { type Entry, Heap } from '../lib/heap.ts';
import type { Line, Moment, Standing } from './line.ts';

/** One party's own line; its rank is what it was given. */
interface Lane<W extends Standing> extends Entry {
  readonly line: Line<W>;
}

/** Some ordinary requests: so much less than those who wait may somebody have been given and still be due. */
const savedTokensMax = 50_000;
/** Parties beyond it that have nobody waiting are forgotten, and what they were given with them. */
const lanesMax = 10_000;

export class FairTurns<W extends Standing> implements Line<W> {
  readonly #partyOf: (one: Standing) => string;
  readonly #createLine: () => Line<W>;
  readonly #lanes = new Map<string, Lane<W>>();
  /** Those that have somebody waiting. */
  readonly #turns = new Heap<Lane<W>>();
  #size = 0;

  constructor(partyOf: (one: Standing) => string, createLine: () => Line<W>) {
    this.#partyOf = partyOf;
    this.#createLine = createLine;
  }

  get size(): number {
    return this.#size;
  }

  add(one: W): void {
    const lane = this.#laneOf(this.#partyOf(one));
    lane.line.add(one);
    this.#size += 1;
    if (lane.at >= 0) return;
    lane.rank = Math.max(lane.rank, (this.#turns.first?.rank ?? 0) - savedTokensMax);
    this.#turns.add(lane);
  }

  remove(one: W): void {
    const lane = this.#lanes.get(this.#partyOf(one));
    if (lane === undefined) return;
    lane.line.remove(one);
    this.#size -= 1;
    if (lane.line.size === 0) this.#turns.remove(lane);
    // Nobody waits: there is nothing to share, and nothing to remember.
    if (this.#size === 0) this.#lanes.clear();
  }

  first(moment: Moment, wouldDo: (one: W) => boolean): W | undefined {
    const next = this.#turns.first?.line.first(moment, wouldDo);
    return next ?? this.#firstOfOthers(moment, wouldDo);
  }

  charge(one: W): void {
    const lane = this.#lanes.get(this.#partyOf(one));
    if (lane === undefined) return;
    lane.rank += one.tokens;
    if (lane.at >= 0) this.#turns.moved(lane);
    lane.line.charge(one);
  }

  /** While it waits for its own, each other party has as many turns, if it has anybody for them. */
  ahead(one: W): number {
    const lane = this.#lanes.get(this.#partyOf(one));
    if (lane === undefined) return 0;
    const own = lane.line.ahead(one);
    let ahead = own;
    for (const other of this.#turns.entries) {
      if (other === lane) continue;
      ahead += Math.min(other.line.size, other.rank < lane.rank ? own + 1 : own);
    }
    return ahead;
  }

  /** The one whose turn it is has nobody who would do. */
  #firstOfOthers(moment: Moment, wouldDo: (one: W) => boolean): W | undefined {
    let found: W | undefined;
    let rank = Number.POSITIVE_INFINITY;
    for (const lane of this.#turns.entries) {
      if (lane.rank >= rank) continue;
      const one = lane.line.first(moment, wouldDo);
      if (one === undefined) continue;
      found = one;
      rank = lane.rank;
    }
    return found;
  }

  #laneOf(party: string): Lane<W> {
    const known = this.#lanes.get(party);
    if (known !== undefined) return known;
    if (this.#lanes.size >= lanesMax) {
      for (const [name, { at }] of this.#lanes) if (at < 0) this.#lanes.delete(name);
    }
    const lane = { line: this.#createLine(), rank: 0, at: -1 };
    this.#lanes.set(party, lane);
    return lane;
  }
}
