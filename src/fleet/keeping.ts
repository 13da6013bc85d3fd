/** Whether a slot that is free for a request is kept for others: for those who flood nothing, and are about to come. */
import type { Upstream } from '../core/exchange.ts';
import type { Want } from '../core/fleet.ts';
import type { ModelQueue, ModelQueues } from './model-queues.ts';
import type { Openings } from './openings.ts';
import type { SecondLook } from './second-look.ts';
import type { Waiter } from './waiter.ts';

export interface KeepingOptions {
  readonly openings: Openings;
  /** Whoever slots are kept from has to be looked at again: perhaps nobody comes. */
  readonly secondLook: SecondLook;
}

export class Keeping {
  readonly #options: KeepingOptions;

  constructor(options: KeepingOptions) {
    this.#options = options;
  }

  /** For one that waits in a queue, or could. */
  isKept({ line, kept }: ModelQueue<Waiter>, want: Want): boolean {
    if (line.floods?.(want, kept.slots) !== true) return false;
    // Whoever was given less than others has a right to more, however much it asks for.
    if ((line.over?.(want) ?? 0) === 0) return false;
    const { openings, secondLook } = this.#options;
    const keptForMs = kept.keptForMs(openings.roomFor(want));
    if (keptForMs === 0) return false;
    // Else the slots that are kept would come out of everybody's share.
    line.chargeIdle?.(want, kept.takeIdle());
    secondLook.soon(keptForMs);
    return true;
  }

  /** For one that waits in none of the queues that the server could serve. */
  isKeptAt(upstream: Upstream, queues: ModelQueues<Waiter>, want: Want): boolean {
    for (const queue of queues.at(upstream)) if (this.isKept(queue, want)) return true;
    return false;
  }
}
