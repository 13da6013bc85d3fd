/** The slots that somebody has at this moment, and whose they are. */
import type { Target, Upstream } from '../core/exchange.ts';
import type { Ending, OthersThere } from '../core/fleet.ts';
import { Crowd, type Member } from '../lib/crowd.ts';

/** The right to occupy an upstream, until released with how it went. */
export interface Occupied {
  readonly target: Target;
  /** Whether its model most likely has to be loaded first. */
  readonly cold: boolean;
  release(ending: Ending): void;
}

interface Slot extends Occupied, Member {
  readonly tenant: string;
  readonly key: string;
}

export class AtWork implements OthersThere {
  readonly #slots = new Crowd<Slot>();

  /** One entry a slot. */
  get targets(): readonly Target[] {
    return this.#slots.members.map(({ target }) => target);
  }

  get slots(): readonly Slot[] {
    return this.#slots.members;
  }

  add(slot: Slot): void {
    this.#slots.add(slot);
  }

  /** Whether it was there. */
  delete(slot: Slot): boolean {
    return this.#slots.delete(slot);
  }

  worksForOthers({ identity }: Pick<Upstream, 'identity'>, than: string, model?: string): boolean {
    return this.#slots.members.some(
      ({ target, tenant }) =>
        target.upstream.identity === identity &&
        tenant !== than &&
        (model === undefined || target.model === model),
    );
  }
}
