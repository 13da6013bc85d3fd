/**
 * Where replicas share slots: which parties have work at how many of them. Each tells who wants what here, by marks and
 * never by names, and hears it of the others, with what it asks for slots anyway: at most once a second, and never while a
 * request waits for it. What is not heard again is forgotten with the lease.
 */
import type { PartyDemand, PartyTurns, Weights } from '../core/fleet.ts';
import type { LeaseClaim, LeaseGrant, PartyClaims } from '../core/ports.ts';
import { divide } from './party-division.ts';

/** How often it is told. */
const tellMs = 1_000;
/** So many are told of by their marks, those that want most. */
const namedMax = 16;
/** Parts of a power of two: they can be added and taken away again without a remainder. */
const whole = 1024;

interface Known {
  /** For how many parties this replica stands. */
  readonly weight: number;
  readonly parts: ReadonlyMap<string, number>;
  readonly othersPart: number;
}

type Said = Pick<LeaseClaim, 'parties' | 'weight'>;

export class PartyShares implements PartyTurns {
  version = 0;
  /** A short mark for a party, the same at every replica. */
  readonly #markOf: (party: string) => string;
  #demand: () => PartyDemand = () => new Map();
  /** What is being told; nothing where that was lately. */
  #told: PartyDemand | undefined;
  #toldMs = Number.NEGATIVE_INFINITY;
  /** Whose marks are told, in their order. */
  readonly #named = new Map<string, readonly string[]>();
  readonly #known = new Map<string, Known>();

  constructor(markOf: (party: string) => string) {
    this.#markOf = markOf;
  }

  countFrom(demand: () => PartyDemand): void {
    this.#demand = demand;
  }

  at(servers: Iterable<string>): Weights {
    const version = () => this.version;
    return {
      get version() {
        return version();
      },
      of: (party) => this.#weightOf(party, servers),
    };
  }

  /** Claims are made now: whether something is told with them. */
  begin(nowMs: number): void {
    const isDue = nowMs - this.#toldMs >= tellMs;
    this.#told = isDue ? this.#demand() : undefined;
    if (isDue) this.#toldMs = nowMs;
  }

  said(identity: string): Said {
    const { weight } = this.#known.get(identity) ?? {};
    return this.#told === undefined
      ? { weight }
      : { weight, parties: this.#claimsOf(identity, this.#told.get(identity)) };
  }

  heard(identity: string, slots: number, [claim, { claims }]: readonly [LeaseClaim, LeaseGrant]): void {
    const { wanted, parties } = claim;
    if (parties === undefined || claims === undefined) return;
    if (claims.length === 0) {
      this.forget(identity);
      return;
    }
    const { weight, named, others } = divide(slots, [{ wanted, parties }, ...claims]);
    const names = this.#named.get(identity) ?? [];
    const parts = new Map(names.map((party, at) => [party, inParts(named[at] ?? 1)]));
    this.#known.set(identity, { weight, parts, othersPart: parties.others.count > 0 ? inParts(others) : 1 });
    this.version += 1;
  }

  forget(identity: string): void {
    this.#named.delete(identity);
    if (this.#known.delete(identity)) this.version += 1;
  }

  /** Nobody has told for so long that it may be otherwise. */
  forgetAll(): void {
    if (this.#known.size > 0) this.version += 1;
    this.#known.clear();
    this.#named.clear();
  }

  /** Where several want as much those are named that all replicas would name. */
  #claimsOf(identity: string, demand: ReadonlyMap<string, number> = new Map()): PartyClaims {
    const all = [...demand].sort(([one, its], [other, others]) => others - its || (one < other ? -1 : 1));
    const named = all.slice(0, namedMax);
    const others = all.slice(namedMax);
    this.#named.set(
      identity,
      named.map(([party]) => party),
    );
    return {
      named: named.map(([party, wanted]) => ({ mark: this.#markOf(party), wanted })),
      others: { count: others.length, wanted: others.reduce((sum, [, wanted]) => sum + wanted, 0) },
    };
  }

  /** Between servers that its requests may be sent to alike: what it is on average, where that is known. */
  #weightOf(party: string, servers: Iterable<string>): number {
    let sum = 0;
    let count = 0;
    for (const identity of servers) {
      const known = this.#known.get(identity);
      if (known === undefined) continue;
      sum += known.parts.get(party) ?? known.othersPart;
      count += 1;
    }
    return count < 2 ? sum || 1 : inParts(sum / count);
  }
}

function inParts(part: number): number {
  return Math.max(1, Math.round(part * whole)) / whole;
}
