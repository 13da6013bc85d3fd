/** Whose turn it is: which targets were chosen longest ago. */
import type { Target } from '../core/exchange.ts';

export class Turns {
  /** The count of choices when it was chosen last. Forgotten with the configuration that made the target. */
  readonly #last = new WeakMap<Target, number>();
  #choices = 0;

  readonly compare = (one: Target, other: Target): number =>
    (this.#last.get(one) ?? 0) - (this.#last.get(other) ?? 0);

  /** Notes who was chosen, and gives the index on. */
  take(targets: readonly Target[], index: number): number {
    const chosen = targets[index];
    this.#choices += 1;
    if (chosen !== undefined) this.#last.set(chosen, this.#choices);
    return index;
  }
}
