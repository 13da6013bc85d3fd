/** Which models are likely to be loaded, from when they last answered: a cold one gets the time to load. */
import type { Target } from '../core/exchange.ts';
import type { Clock } from '../lib/clock.ts';

/** Servers keep an idle model for five minutes unless told otherwise. */
const warmMs = 270_000;
const modelsMax = 10_000;

export class Warmth {
  readonly #clock: Clock;
  /** Served longest ago first. */
  readonly #servedMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isCold(target: Target): boolean {
    if (!target.upstream.loadsModels) return false;
    const servedMs = this.#servedMs.get(keyOf(target));
    return servedMs === undefined || this.#clock.now() - servedMs > warmMs;
  }

  served(target: Target): void {
    if (!target.upstream.loadsModels) return;
    const key = keyOf(target);
    this.#servedMs.delete(key);
    this.#servedMs.set(key, this.#clock.now());
    if (this.#servedMs.size <= modelsMax) return;
    const [oldest] = this.#servedMs.keys();
    if (oldest !== undefined) this.#servedMs.delete(oldest);
  }
}

function keyOf({ upstream, model }: Target): string {
  return `${upstream.identity}\u0000${model}`;
}
