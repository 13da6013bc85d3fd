/**
 * Which model a server serves next, where several wait for it. It stays with the one it holds, for loading another takes
 * longer than many answers; but nobody waits for that for ever. Among equals whoever was given less goes first.
 */
import type { Target, Upstream } from '../core/exchange.ts';
import type { Known } from '../core/fleet.ts';
import type { Line, Moment, Standing } from './line.ts';

export interface ModelTurnsOptions {
  readonly known: Known;
  /** How long who waits for another model lets a server stay with the one it holds. */
  readonly stayMs: number;
  readonly agingMs: number;
}

interface Queue<W extends Standing> {
  readonly line: Pick<Line<W>, 'over'>;
  /** When somebody of it was given a slot last. */
  readonly movedMs: number;
}

interface Wanting extends Standing {
  readonly want: { readonly candidates: readonly Target[] };
}

/** The first of one queue, and where it could go. What is asked of it only beside others is reckoned then, and once. */
export class Head<Q extends Queue<W> = Queue<Wanting>, W extends Wanting = Wanting> {
  readonly queue: Q;
  readonly waiter: W;
  readonly target: Target;
  /** 1 for whoever a server would have to load another model for, while it may stay with what it holds; else 0. */
  waitsForLoad: 0 | 1 | undefined = undefined;
  #over: number | undefined = undefined;

  constructor(queue: Q, waiter: W, target: Target) {
    this.queue = queue;
    this.waiter = waiter;
    this.target = target;
  }

  /** How much more than an even share its party was given. */
  get over(): number {
    this.#over ??= this.queue.line.over?.(this.waiter) ?? 0;
    return this.#over;
  }
}

interface Server {
  /** What it was given to load last. */
  target: Target | undefined;
  sinceMs: number;
}

/** A server stays for so many times what loading takes, at least. */
const staysForLoads = 2;
/** And whoever's model is served elsewhere is that much more patient: else two servers would swap their models for ever. */
const patienceWhereServed = 10;
/** But nobody is passed over for more than this part of the time that it can wait at all, by its queue's clock or its deadline. */
const passedOverShareMax = 0.5;

/** Until when somebody may be passed over, or held back, because its model is in memory elsewhere. */
export function patientUntilMs({ sinceMs, untilMs }: Pick<Standing, 'sinceMs' | 'untilMs'>): number {
  return sinceMs + (untilMs - sinceMs) * passedOverShareMax;
}

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
    one.waitsForLoad ??= this.#waitsForLoad(one, moment);
    other.waitsForLoad ??= this.#waitsForLoad(other, moment);
    if (one.waitsForLoad !== other.waitsForLoad) return one.waitsForLoad === 0;
    if (one.over !== other.over) return one.over < other.over;
    return one.waiter.sinceMs < other.waiter.sinceMs;
  }

  /** A request goes there: its model is what the server holds from now on. */
  began(target: Target, nowMs: number): void {
    if (!target.upstream.loadsModels || this.options.known.loadMs(target, nowMs) === 0) return;
    const server = this.#of(target.upstream);
    server.target = target;
    server.sinceMs = nowMs;
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

  #waitsForLoad({ waiter, target, queue: { movedMs } }: Head, { nowMs }: Moment): 0 | 1 {
    if (!target.upstream.loadsModels) return 0;
    const { known, stayMs } = this.options;
    const server = this.#servers.get(target.upstream.identity);
    const held = server?.target;
    if (held !== undefined && held.model === target.model) return 0;
    const loadMs = known.loadMs(target, nowMs);
    // What is being loaded now takes the place of what is still there.
    const isLoading = held !== undefined && known.loadMs(held, nowMs) > 0;
    if (loadMs === 0 && !isLoading) return 0;
    const longEnoughMs = Math.max(stayMs, loadMs * staysForLoads);
    const hasStayed = server === undefined || nowMs - server.sinceMs >= longEnoughMs;
    const patienceMs = this.#isServed(waiter.want.candidates) ? longEnoughMs * patienceWhereServed : stayMs;
    if (!hasStayed) return 1;
    // Where those before it are served it will be: another load would cost them all more than it gains. Were whoever is late
    // let load by its own time alone, twice as many of `bench/fleet.ts switches` would not be served in time, 11,720 for 2,317.
    const isStuck = nowMs - Math.max(waiter.sinceMs, movedMs) >= patientUntilMs(waiter) - waiter.sinceMs;
    return isStuck || nowMs - waiter.sinceMs >= patienceMs ? 0 : 1;
  }

  /** Whether a server that would do holds the model, or loads it, and works on something. */
  #isServed(candidates: readonly Target[]): boolean {
    const { known } = this.options;
    return candidates.some((target) => known.isPlaced(target) && known.inFlight(target.upstream) > 0);
  }

  #of({ identity }: Upstream): Server {
    const known = this.#servers.get(identity);
    if (known !== undefined) return known;
    const server = { target: undefined, sinceMs: Number.NEGATIVE_INFINITY };
    this.#servers.set(identity, server);
    return server;
  }
}
