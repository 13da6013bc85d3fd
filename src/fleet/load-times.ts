/** How long models take to load on one server: as it told, or by how much later a cold one began to answer. */
import type { Ending } from '../core/fleet.ts';

interface Times {
  /** Milliseconds, each 0 while nothing is known. */
  readonly told: number;
  readonly coldFirst: number;
  readonly warmFirst: number;
}

/** What a load is taken to last where none was seen yet: a model of a few gigabytes from a disk. */
const assumedMs = 5_000;
/** The weight of what came last. */
const share = 0.3;
/** Of one server: clients may name as many as they like. */
const modelsMax = 1_000;
const unknown: Times = { told: 0, coldFirst: 0, warmFirst: 0 };

export class LoadTimes {
  readonly #models = new Map<string, Times>();
  /** Over all models of the server: the best guess for one that was never loaded. */
  #usualMs = 0;

  /** At least 1: a load that takes nothing is still one. */
  of(model: string): number {
    const times = this.#models.get(model);
    const learntMs = times === undefined ? 0 : loadMsOf(times);
    return Math.max(1, learntMs || this.#usualMs || assumedMs);
  }

  /** How much of a first content's wait the loading was. */
  shareOf(model: string, firstContentMs: number): number {
    return Math.max(0, firstContentMs - (this.#models.get(model)?.warmFirst ?? 0));
  }

  tell(model: string, loadMs: number): void {
    const before = this.#models.get(model) ?? unknown;
    this.#keep(model, { ...before, told: blend(before.told, loadMs) });
    this.#usualMs = blend(this.#usualMs, loadMs);
  }

  learn(model: string, { cold, firstContentMs }: Ending): void {
    if (firstContentMs <= 0) return;
    const before = this.#models.get(model) ?? unknown;
    if (!cold) {
      this.#keep(model, { ...before, warmFirst: blend(before.warmFirst, firstContentMs) });
      return;
    }
    this.#keep(model, { ...before, coldFirst: blend(before.coldFirst, firstContentMs) });
    this.#usualMs = blend(this.#usualMs, this.shareOf(model, firstContentMs));
  }

  #keep(model: string, times: Times): void {
    // What is used stays: while there are few, nobody has to make way, and a table stays as it is.
    if (this.#models.size > modelsMax / 2) this.#models.delete(model);
    this.#models.set(model, times);
    if (this.#models.size <= modelsMax) return;
    const [oldest] = this.#models.keys();
    if (oldest !== undefined) this.#models.delete(oldest);
  }
}

function loadMsOf({ told, coldFirst, warmFirst }: Times): number {
  return told > 0 ? told : Math.max(0, coldFirst - warmFirst);
}

function blend(before: number, value: number): number {
  return before === 0 ? value : before + share * (value - before);
}
