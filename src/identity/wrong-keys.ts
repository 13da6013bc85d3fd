/**
 * Who shows no key that is known is told so at once, as long as not too many come. Beyond that each is told in its turn: a
 * flood of guesses goes on no faster than it is answered, and others hardly notice it (C14). Nobody's address is looked at,
 * for a flood has thousands; and who shows a key that is known never comes here.
 */
import type { Signal } from '../core/signal.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { WrongKeysConfig } from './identity-options.ts';

/** After a pause as many are told at once as come in so long. */
const burstMs = 1_000;

interface Held {
  readonly dueMs: number;
  readonly resolve: () => void;
}

export class WrongKeys {
  readonly #clock: Clock;
  #bounds: WrongKeysConfig;
  /** In the order in which they are due. */
  readonly #held = new Set<Held>();
  #timer: Timer | undefined;
  /** When the last that came is due. */
  #lastDueMs = Number.NEGATIVE_INFINITY;
  #heldEver = 0;
  #stopped = false;

  constructor(clock: Clock, bounds: WrongKeysConfig) {
    this.#clock = clock;
    this.#bounds = bounds;
  }

  /** How many were told in their turn, and not at once. */
  get heldEver(): number {
    return this.#heldEver;
  }

  /** How many wait for it. */
  get held(): number {
    return this.#held.size;
  }

  follow(bounds: WrongKeysConfig): void {
    const isShorter = bounds.holdMs < this.#bounds.holdMs;
    this.#bounds = bounds;
    // They stand in the order in which they are due: whoever came from now on would wait behind them for longer than the bound.
    if (isShorter) this.#tellAll();
  }

  /** Resolves when it may be told, or its caller has left; nothing where that is at once. */
  turn(signal: Pick<Signal, 'onAbort'>): Promise<void> | undefined {
    const { perSecond, holdMs, heldMax } = this.#bounds;
    const nowMs = this.#clock.now();
    const inTurnMs = Math.max(this.#lastDueMs, nowMs - burstMs) + 1_000 / perSecond;
    const dueMs = Math.min(inTurnMs, nowMs + holdMs);
    this.#lastDueMs = dueMs;
    if (dueMs <= nowMs || this.#stopped || this.#held.size >= heldMax) return undefined;
    this.#heldEver += 1;
    return new Promise((resolve) => {
      const held = { dueMs, resolve };
      this.#held.add(held);
      signal.onAbort(() => {
        this.#held.delete(held);
        resolve();
      });
      this.#timer ??= this.#clock.after(dueMs - nowMs, () => this.#tellDue());
    });
  }

  /** From now on nobody is held: the gateway stops, and waits for whoever is still to be told. */
  stop(): void {
    this.#stopped = true;
    this.#tellAll();
  }

  #tellAll(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const { resolve } of this.#held) resolve();
    this.#held.clear();
  }

  #tellDue(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.now();
    for (const held of this.#held) {
      if (held.dueMs > nowMs) {
        this.#timer = this.#clock.after(held.dueMs - nowMs, () => this.#tellDue());
        return;
      }
      this.#held.delete(held);
      held.resolve();
    }
  }
}
