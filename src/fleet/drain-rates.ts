/** How fast the queue of each model moves, learnt from who left it with a slot: from it come the times that clients are told. */

/** What is known fades by two thirds in so long. */
const memoryMs = 30_000;
/** A first slot tells nothing of a rate. */
const heardMin = 2;
const spanMsMin = 1_000;
const modelsMax = 1_000;

interface Drained {
  readonly sinceMs: number;
  lastMs: number;
  heard: number;
  /** How many, the older the less they count. */
  count: number;
}

export class DrainRates {
  /** Where there are many, heard of longest ago first. */
  readonly #models = new Map<string, Drained>();

  /** Somebody who waited for the model was given a slot. */
  tell(model: string, nowMs: number): void {
    const known = this.#models.get(model);
    const drained = known ?? { sinceMs: nowMs, lastMs: nowMs, heard: 0, count: 0 };
    drained.count = faded(drained, nowMs) + 1;
    drained.lastMs = nowMs;
    drained.heard += 1;
    // Names that nobody asks for any more make way. While there are few, nobody has to, and a table stays as it is.
    if (known !== undefined && this.#models.size <= modelsMax / 2) return;
    this.#models.delete(model);
    this.#models.set(model, drained);
    if (this.#models.size <= modelsMax) return;
    const [oldest] = this.#models.keys();
    if (oldest !== undefined) this.#models.delete(oldest);
  }

  /** How long until so many have left it; nothing where that is not known. */
  expectedMs(model: string, { count, nowMs }: { count: number; nowMs: number }): number | undefined {
    const drained = this.#models.get(model);
    if (drained === undefined || drained.heard < heardMin) return undefined;
    const spanMs = Math.max(spanMsMin, nowMs - drained.sinceMs);
    const seenMs = memoryMs * (1 - Math.exp(-spanMs / memoryMs));
    const perMs = faded(drained, nowMs) / seenMs;
    return perMs > 0 ? count / perMs : undefined;
  }
}

function faded({ count, lastMs }: Drained, nowMs: number): number {
  return count * Math.exp((lastMs - nowMs) / memoryMs);
}
