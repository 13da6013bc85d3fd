/** How many servers may hold a model at once, where the operator says so: requests wait for those that do. */
import type { Target } from '../core/exchange.ts';
import type { Want } from '../core/fleet.ts';

export interface CopyBoundsOptions {
  /** Whether the model is in the server's memory, or on its way there. */
  readonly isPlaced: (target: Target) => boolean;
}

export class CopyBounds {
  readonly #options: CopyBoundsOptions;
  /** By the model's name as clients see it. */
  #most: ReadonlyMap<string, number> = new Map();

  constructor(options: CopyBoundsOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#most.size === 0;
  }

  follow(most: ReadonlyMap<string, number>): void {
    this.#most = most;
  }

  /**
   * Those of its candidates that a request may be sent to. One that would have to load the model is none of them while as
   * many as may hold it do and may be asked, however busy they are, and one of those has not failed it yet.
   */
  among({ model, candidates, visited }: Want, mayBeAsked: (target: Target) => boolean): readonly Target[] {
    const most = this.#most.get(model);
    if (most === undefined) return candidates;
    const copies = candidates.filter((target) => this.#isCopy(target) && mayBeAsked(target));
    const isLeft = copies.some(({ upstream }) => !visited.has(upstream.name));
    if (copies.length < most || !isLeft) return candidates;
    return candidates.filter((target) => !target.upstream.loadsModels || this.#isCopy(target));
  }

  #isCopy(target: Target): boolean {
    return target.upstream.loadsModels && this.#options.isPlaced(target);
  }
}
