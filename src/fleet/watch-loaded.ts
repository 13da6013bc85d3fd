/** Asks servers from time to time which models they hold in memory: a cheap question that loads nothing. */
import type { Upstream } from '../core/exchange.ts';
import { asFailure, type Failure } from '../core/failure.ts';
import type { Keeping } from '../core/fleet.ts';
import { Signal } from '../core/signal.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { askJson } from './ask.ts';
import type { Residency } from './residency.ts';

export interface WatchLoadedOptions {
  readonly clock: Clock;
  readonly residency: Residency;
  readonly everyMs: number;
  /** How a server tells, if servers of its kind do. */
  readonly keepingOf: (upstream: Upstream) => Keeping | undefined;
  /** A server has told. */
  readonly onTold: (upstream: Upstream) => void;
  /** A server should have told and did not: what is known of it stands. */
  readonly onUntold: (upstream: Upstream, failure: Failure) => void;
}

export interface LoadedWatch {
  /** Something changed there: asks before its time. */
  soon(upstream: Upstream): void;
  stop(): void;
}

const timeoutMs = 5_000;
const bytesMax = 1024 * 1024;

/** Asks at once, and then until stopped, each server in its own rhythm. */
export function watchLoaded(upstreams: readonly Upstream[], options: WatchLoadedOptions): LoadedWatch {
  const watched = new Map<string, Watched>();
  for (const upstream of upstreams) {
    const keeping = options.keepingOf(upstream);
    if (keeping !== undefined) watched.set(upstream.identity, new Watched(upstream, keeping, options));
  }
  for (const server of watched.values()) server.look();
  return {
    soon: ({ identity }) => watched.get(identity)?.look(),
    stop: () => {
      for (const server of watched.values()) server.stop();
    },
  };
}

class Watched {
  readonly #upstream: Upstream;
  readonly #keeping: Keeping;
  readonly #options: WatchLoadedOptions;
  #timer: Timer | undefined;
  #question: Signal | undefined;
  /** Somebody wanted to know while a question was under way, whose answer may be from before. */
  #isStale = false;
  #isStopped = false;

  constructor(upstream: Upstream, keeping: Keeping, options: WatchLoadedOptions) {
    this.#upstream = upstream;
    this.#keeping = keeping;
    this.#options = options;
  }

  look(): void {
    if (this.#isStopped) return;
    if (this.#question !== undefined) {
      this.#isStale = true;
      return;
    }
    this.#timer?.cancel();
    const question = new Signal();
    this.#question = question;
    void this.#ask(question).then(() => this.#next());
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#question?.abort();
  }

  #next(): void {
    this.#question = undefined;
    if (this.#isStopped) return;
    if (this.#isStale) {
      this.#isStale = false;
      this.look();
      return;
    }
    const { clock, everyMs } = this.#options;
    // A little apart from each other, so that many gateways do not ask at the same moment.
    this.#timer = clock.after(everyMs * (0.9 + Math.random() * 0.2), () => this.look());
  }

  /** Never rejects. */
  async #ask(signal: Signal): Promise<void> {
    const { clock, residency, onTold, onUntold } = this.#options;
    const askedMs = clock.now();
    const request = { method: 'GET', path: this.#keeping.path, headers: [] } as const;
    try {
      const body = await askJson(this.#upstream.transport, request, { clock, timeoutMs, bytesMax, signal });
      if (signal.aborted) return;
      residency.told(this.#upstream, this.#keeping.read(body), askedMs);
    } catch (thrown) {
      if (!signal.aborted) onUntold(this.#upstream, asFailure(thrown));
      return;
    }
    onTold(this.#upstream);
  }
}
