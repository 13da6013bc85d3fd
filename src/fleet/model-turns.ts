/**
 * Which model a server serves next, where several wait for it. It stays with the one it holds, for loading another takes
 * longer than many answers; but nobody waits for that for ever. Among equals whoever had least of the server goes first.
 */
import type { Target, Upstream } from '../core/exchange.ts';
import type { Known } from '../core/fleet.ts';
import type { Moment, Standing } from './line.ts';

export interface ModelTurnsOptions {
  readonly known: Known;
  /** How long who waits for another model lets a server stay with the one it holds. */
  readonly stayMs: number;
  readonly agingMs: number;
}

/** The first of one queue, and where it could go. */
export interface Head {
  readonly waiter: Standing;
  readonly target: Target;
  readonly party: string;
  readonly candidates: readonly Target[];
}

interface Server {
  /** What it was given to load last. */
  target: Target | undefined;
  sinceMs: number;
  /** Tokens of each party's requests, while several models wait. */
  readonly given: Map<string, number>;
  /** What the last one to be served had been given before: who comes anew begins there. */
  floor: number;
}

/** A server stays for so many times what loading takes, at least. */
const staysForLoads = 2;
/** And whoever's model is served elsewhere is that much more patient: else two servers would swap their models for ever. */
const patienceWhereServed = 10;
const partiesMax = 10_000;

export class ModelTurns {
  options: ModelTurnsOptions;
  readonly #servers = new Map<string, Server>();

  constructor(options: ModelTurnsOptions) {
    this.options = options;
  }

  /** Whether `one` goes before `other`. */
  isBefore(one: Head, other: Head, moment: Moment): boolean {
    const byPriority = this.#byPriority(one, other, moment);
    if (byPriority !== 0) return byPriority < 0;
    const byLoad = this.#waitsForLoad(one, moment) - this.#waitsForLoad(other, moment);
    if (byLoad !== 0) return byLoad < 0;
    const byShare = this.#given(one) - this.#given(other);
    return byShare === 0 ? one.waiter.sinceMs < other.waiter.sinceMs : byShare < 0;
  }

  /** A request goes there: its model is what the server holds from now on. */
  began(target: Target, nowMs: number): void {
    if (!target.upstream.loadsModels || this.options.known.loadMs(target) === 0) return;
    const server = this.#of(target.upstream);
    server.target = target;
    server.sinceMs = nowMs;
  }

  /** It goes to one of several who could have had the slot. */
  charge({ waiter, target, party }: Omit<Head, 'candidates'>): void {
    const server = this.#of(target.upstream);
    if (server.given.size >= partiesMax) server.given.clear();
    const given = Math.max(server.floor, server.given.get(party) ?? 0);
    server.floor = given;
    server.given.set(party, given + waiter.tokens);
  }

  /** Nobody waits: there is nothing to share. */
  forget(): void {
    for (const [identity, server] of this.#servers) {
      server.given.clear();
      server.floor = 0;
      if (server.target === undefined) this.#servers.delete(identity);
    }
  }

  keepOnly(upstreams: readonly Upstream[]): void {
    const kept = new Set(upstreams.map(({ identity }) => identity));
    for (const identity of this.#servers.keys()) if (!kept.has(identity)) this.#servers.delete(identity);
  }

  #byPriority({ waiter: one }: Head, { waiter: other }: Head, { nowMs, agedTurn }: Moment): number {
    if (one.priority === other.priority) return 0;
    if (!agedTurn) return other.priority - one.priority;
    const [low, high] = one.priority < other.priority ? [one, other] : [other, one];
    const isLowsTurn = nowMs - low.sinceMs >= this.options.agingMs && low.sinceMs < high.sinceMs;
    return isLowsTurn === (low === one) ? -1 : 1;
  }

  /** 1 for whoever a server would have to load another model for, while it may stay with what it holds; else 0. */
  #waitsForLoad({ waiter, target, candidates }: Head, { nowMs }: Moment): 0 | 1 {
    const { known, stayMs } = this.options;
    const server = this.#servers.get(target.upstream.identity);
    const held = server?.target;
    if (held !== undefined && held.model === target.model) return 0;
    const loadMs = known.loadMs(target);
    // What is being loaded now takes the place of what is still there.
    const isLoading = held !== undefined && known.loadMs(held) > 0;
    if (loadMs === 0 && !isLoading) return 0;
    const longEnoughMs = Math.max(stayMs, loadMs * staysForLoads);
    const hasStayed = server === undefined || nowMs - server.sinceMs >= longEnoughMs;
    const patienceMs = this.#isServed(candidates) ? longEnoughMs * patienceWhereServed : stayMs;
    return hasStayed && nowMs - waiter.sinceMs >= patienceMs ? 0 : 1;
  }

  /** Whether a server that would do holds the model, and works on something. */
  #isServed(candidates: readonly Target[]): boolean {
    const { known } = this.options;
    return candidates.some((target) => known.loadMs(target) === 0 && known.inFlight(target.upstream) > 0);
  }

  #given({ target, party }: Head): number {
    const server = this.#servers.get(target.upstream.identity);
    return server === undefined ? 0 : Math.max(server.floor, server.given.get(party) ?? 0);
  }

  #of({ identity }: Upstream): Server {
    const known = this.#servers.get(identity);
    if (known !== undefined) return known;
    const server = { target: undefined, sinceMs: Number.NEGATIVE_INFINITY, given: new Map(), floor: 0 };
    this.#servers.set(identity, server);
    return server;
  }
}
