/**
 * The claims that are under way here. Together they are renewed, so that what a crash leaves behind is free again soon;
 * what could not be kept at once is tried again, for as long as that may help.
 */
import type { Replays } from '../core/ports.ts';
import type { ClaimState, Claims, ReplayClaim, ReplayEnding } from '../core/replay.ts';
import { Signal } from '../core/signal.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import { isOutage } from './sql/outage.ts';

export interface HeldClaimsOptions {
  readonly replays: Replays;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** What came of a request could not be kept: its key is free again when the lease ends. Or a mistake of ours. */
  readonly onTrouble: (trouble: Error) => void;
}

export interface HeldClaims extends Claims {
  /** What is still under way has so long to end. What is cut then is not kept: whoever comes next does it anew. */
  close(graceMs: number): Promise<void>;
}

/** Of what has expired nothing lies about for longer than this. */
const pruneEveryMs = 3_600_000;
/** More at once would hold up who writes. */
const pruneRoundsMax = 1_000;
/** Until all of these have passed, the claim is held and its ending tried again. */
const retryMs = [1_000, 2_000, 4_000, 8_000, 16_000];

export function createHeldClaims(options: HeldClaimsOptions): HeldClaims {
  return new Holding(options);
}

class Holding implements HeldClaims {
  readonly #options: HeldClaimsOptions;
  /** By their tokens, those who do it. */
  readonly #running = new Map<string, Signal>();
  readonly #retries = new Set<Timer>();
  #renewal: Timer | undefined;
  #pruning: Timer | undefined;
  #allEnded: (() => void) | undefined;
  #closed = false;

  constructor(options: HeldClaimsOptions) {
    this.#options = options;
    this.#pruneLater();
  }

  async begin(claim: ReplayClaim): Promise<ClaimState> {
    const state = await this.#options.replays.begin(claim);
    if (state.kind !== 'begun') return state;
    const { token } = state;
    const signal = new Signal();
    this.#running.set(token, signal);
    this.#renewLater();
    return { kind: 'begun', signal, end: (ending) => this.#end(claim, { token, ending, tried: 0 }) };
  }

  async close(graceMs: number): Promise<void> {
    if (this.#running.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#allEnded = resolve;
      const timer = this.#options.clock.after(graceMs, resolve);
      await promise;
      timer.cancel();
    }
    this.#closed = true;
    this.#renewal?.cancel();
    this.#pruning?.cancel();
    for (const retry of this.#retries) retry.cancel();
    for (const signal of this.#running.values()) signal.abort();
  }

  async #end(claim: ReplayClaim, end: { token: string; ending: ReplayEnding; tried: number }): Promise<void> {
    const { token, ending, tried } = end;
    if (this.#closed) return;
    try {
      await this.#options.replays.end(claim, token, ending);
      this.#forget(token);
    } catch (thrown) {
      const pauseMs = isOutage(thrown) ? retryMs[tried] : undefined;
      if (pauseMs === undefined) {
        this.#tell(thrown);
        this.#forget(token);
        return;
      }
      const retry = this.#options.clock.after(pauseMs, () => {
        this.#retries.delete(retry);
        void this.#end(claim, { token, ending, tried: tried + 1 });
      });
      this.#retries.add(retry);
    }
  }

  #forget(token: string): void {
    this.#running.delete(token);
    if (this.#running.size === 0) this.#allEnded?.();
  }

  #renewLater(): void {
    if (this.#renewal !== undefined || this.#closed || this.#running.size === 0) return;
    this.#renewal = this.#options.clock.after(this.#options.leaseMs / 3, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    await this.#quietly(() => this.#options.replays.renew([...this.#running.keys()]));
    this.#renewal = undefined;
    this.#renewLater();
  }

  #pruneLater(): void {
    if (this.#closed) return;
    this.#pruning = this.#options.clock.after(pruneEveryMs, () => void this.#prune());
  }

  async #prune(): Promise<void> {
    await this.#quietly(async () => {
      for (let round = 0; round < pruneRoundsMax; round += 1)
        if ((await this.#options.replays.prune()) === 0) break;
    });
    this.#pruneLater();
  }

  /** That the store is away is told by the store itself: the next time comes by the clock. */
  async #quietly(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      if (!isOutage(thrown)) this.#tell(thrown);
    }
  }

  #tell(thrown: unknown): void {
    this.#options.onTrouble(thrown instanceof Error ? thrown : new Error(String(thrown)));
  }
}
