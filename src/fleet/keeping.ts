/** Whether a slot that is free for a request is kept for others: for those who flood nothing, and are about to come. */
import type { Target } from '../core/exchange.ts';
import type { Want } from '../core/fleet.ts';
import type { Clock } from '../lib/clock.ts';
import type { KeptSlots } from './kept-slots.ts';
import type { ModelQueue, ModelQueues } from './model-queues.ts';
import type { Openings } from './openings.ts';
import type { SecondLook } from './second-look.ts';
import type { Waiter } from './waiter.ts';

export interface KeepingOptions {
  readonly clock: Clock;
  readonly openings: Openings;
  readonly queues: ModelQueues<Waiter>;
  /** Whoever slots are kept from has to be looked at again: perhaps nobody comes. */
  readonly secondLook: SecondLook;
}

type Queue = ModelQueue<Waiter>;

export class Keeping {
  readonly #options: KeepingOptions;

  constructor(options: KeepingOptions) {
    this.#options = options;
  }

  /** By any of the queues that the server could serve: whichever of them it waits in, if it waits at all. */
  isKept(target: Target, want: Want): boolean {
    let judged: KeptSlots | undefined;
    for (const queue of this.#options.queues.at(target.upstream)) {
      if (queue.kept === judged) continue;
      judged = queue.kept;
      if (judged.parties.floods(want, judged.slots) && this.#keeps(queue, target, want)) return true;
    }
    return false;
  }

  #keeps(queue: Queue, target: Target, want: Want): boolean {
    const { kept } = queue;
    const alike = [...this.#options.queues.at(target.upstream)].filter((other) => other.kept === kept);
    // Whoever was given less than others has a right to more, however much it asks for.
    if (alike.every(({ line }) => (line.over?.(want) ?? 0) === 0)) return false;
    const keptForMs = this.#keptForMs(queue, target);
    if (keptForMs === 0) return false;
    // Else the slots that are kept would come out of everybody's share.
    const idle = kept.takeIdle();
    for (const { line } of alike) line.chargeIdle?.(want, idle);
    this.#options.secondLook.soon(keptForMs);
    return true;
  }

  /** Only of the first tier that may be asked: what is to be had beyond it nobody needs to come back to. */
  #keptForMs({ line, kept }: Queue, { upstream: { identity } }: Target): number {
    const { clock, openings } = this.#options;
    const first = line.first({ nowMs: clock.now(), agedTurn: false });
    if (first === undefined) return 0;
    const room = openings.roomFor(first.want);
    const isIn = first.want.candidates.some(
      ({ upstream, tier }) => upstream.identity === identity && tier === room.tier,
    );
    return isIn ? kept.keptForMs(room) : 0;
  }
}
