/**
 * Who waits for some servers, whatever models they want there: whoever has far more waiting than its share of the slots
 * floods. It is counted over all queues of the same servers, so that many models are no way to more.
 */
import type { QueueRules } from './fair-queue.ts';
import type { Asking } from './line.ts';

interface Party {
  waiting: number;
  /** By key, where slots are shared between tenants. */
  readonly keys: Map<string, number>;
}

/** Whoever has so many times its share of the slots waiting floods: in a busy hour many have more than one. */
const sharesOfFlood = 3;
/** Parties beyond it that do not wait are forgotten. */
const partiesMax = 10_000;

export class WaitingParties {
  readonly #fairness: QueueRules['fairness'];
  /** Who waited since nobody did, and may be at work now. */
  readonly #parties = new Map<string, Party>();
  readonly #byPriority = new Map<number, number>();
  #waiting = 0;

  constructor(fairness: QueueRules['fairness']) {
    this.#fairness = fairness;
  }

  add(one: Asking): void {
    this.#count(one, 1);
  }

  remove(one: Asking): void {
    this.#count(one, -1);
    if (this.#waiting > 0) return;
    this.#parties.clear();
    this.#byPriority.clear();
  }

  /**
   * Whether its party has far more waiting than its share of so many slots. Where there is only one: within it. Where several
   * priorities wait they say who goes first, and nobody floods.
   */
  floods(one: Asking, slots: number): boolean {
    if (this.#byPriority.size !== 1 || !this.#byPriority.has(one.priority)) return false;
    const party = this.#parties.get(this.#partyOf(one));
    if (party === undefined) return false;
    if (this.#parties.size > 1 || party.keys.size === 0)
      return isFlood(party.waiting, slots, this.#parties.size);
    return isFlood(party.keys.get(one.key) ?? 0, slots, party.keys.size);
  }

  #count(one: Asking, by: 1 | -1): void {
    if (this.#fairness === 'none') return;
    this.#waiting += by;
    const ofPriority = (this.#byPriority.get(one.priority) ?? 0) + by;
    if (ofPriority === 0) this.#byPriority.delete(one.priority);
    else this.#byPriority.set(one.priority, ofPriority);
    const party = this.#of(this.#partyOf(one));
    party.waiting += by;
    if (this.#fairness === 'tenant') party.keys.set(one.key, (party.keys.get(one.key) ?? 0) + by);
  }

  #partyOf({ tenant, key }: Asking): string {
    return this.#fairness === 'tenant' ? tenant : `${tenant}\u0000${key}`;
  }

  #of(name: string): Party {
    const known = this.#parties.get(name);
    if (known !== undefined) return known;
    if (this.#parties.size >= partiesMax) {
      for (const [other, { waiting }] of this.#parties) if (waiting === 0) this.#parties.delete(other);
    }
    const party = { waiting: 0, keys: new Map<string, number>() };
    this.#parties.set(name, party);
    return party;
  }
}

function isFlood(waiting: number, slots: number, parties: number): boolean {
  return waiting >= sharesOfFlood * Math.max(1, slots / parties);
}
