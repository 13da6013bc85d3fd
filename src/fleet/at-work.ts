/** The slots that somebody has at this moment, and whose they are. */
import type { Target, Upstream } from '../core/exchange.ts';
import type { Ending, OthersThere, Want } from '../core/fleet.ts';
import { Crowd, type Member } from '../lib/crowd.ts';
import type { Charged } from './charged.ts';

/** The right to occupy an upstream, until released with how it went. */
export interface Occupied {
  readonly target: Target;
  /** Whether its model most likely has to be loaded first. */
  readonly cold: boolean;
  release(ending: Ending): void;
}

interface SlotOptions {
  readonly target: Target;
  readonly of: Pick<Want, 'tenant' | 'key'>;
  readonly cold: boolean;
  /** Who waited for it, and what that is to be put right of. */
  readonly charged: Charged | undefined;
  /** It is released, which may be said more than once. */
  readonly giveBack: (slot: Slot, ending: Ending) => void;
}

export class Slot implements Occupied, Member {
  at = -1;
  readonly target: Target;
  readonly tenant: string;
  readonly key: string;
  readonly cold: boolean;
  /** Whoever waited for long keeps its slot in memory for as long as itself: what was charged goes when it is put right. */
  charged: Charged | undefined;
  readonly #giveBack: SlotOptions['giveBack'];

  constructor({ target, of, cold, charged, giveBack }: SlotOptions) {
    this.target = target;
    this.tenant = of.tenant;
    this.key = of.key;
    this.cold = cold;
    this.charged = charged;
    this.#giveBack = giveBack;
  }

  release(ending: Ending): void {
    this.#giveBack(this, ending);
  }
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
