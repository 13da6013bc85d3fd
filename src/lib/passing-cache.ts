/** What is known for a while: bounded in number and in time. */
import type { Clock } from './clock.ts';

interface Entry<Value> {
  readonly value: Value;
  /** On the monotonic clock: a wall clock that is set back keeps nothing alive. */
  readonly untilMs: number;
  /** On the wall clock: an end that others have set. */
  readonly expiresMs: number;
}

export class PassingCache<Value> {
  readonly #clock: Clock;
  readonly #entriesMax: number;
  readonly #entries = new Map<string, Entry<Value>>();

  constructor(clock: Clock, entriesMax: number) {
    this.#clock = clock;
    this.#entriesMax = entriesMax;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#clock.now() < entry.untilMs && this.#clock.wall() < entry.expiresMs) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  /** The oldest makes room: all live as long, so it is the one that ends first. */
  keep(key: string, value: Value, ends: { readonly afterMs: number; readonly atWallMs?: number }): void {
    this.#entries.delete(key);
    if (this.#entries.size >= this.#entriesMax) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    const untilMs = this.#clock.now() + ends.afterMs;
    this.#entries.set(key, { value, untilMs, expiresMs: ends.atWallMs ?? Number.POSITIVE_INFINITY });
  }

  /** Those that have not ended. */
  entries(): readonly (readonly [key: string, value: Value])[] {
    return [...this.#entries.keys()].flatMap((key) => {
      const value = this.get(key);
      return value === undefined ? [] : [[key, value] as const];
    });
  }

  /** What can be had once. */
  take(key: string): Value | undefined {
    const value = this.get(key);
    this.#entries.delete(key);
    return value;
  }
}
