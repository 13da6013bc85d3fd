/** The places of all who wait together, and of those who wait for one model: whoever has one has it in both. */
import { nextArrival } from '../lib/arrivals.ts';
import { partyOf, type QueueRules } from './fair-queue.ts';
import { type PlaceBounds, type Placed, Places } from './places.ts';

/** Who has a place: a request that waits for a slot, or one of several that wait for theirs as one. */
export interface Seated extends Placed {
  readonly model: string;
  /** Somebody who holds less is to have its place. */
  giveWay(): void;
}

interface Newcomer extends Pick<Seated, 'model' | 'places' | 'bytes'> {
  readonly tenant: string;
  readonly key: string;
}

/** One of several that wait for a slot as one. */
interface Member extends Omit<Newcomer, 'places'> {
  giveWay(): void;
}

type Rules = PlaceBounds & Pick<QueueRules, 'fairness'>;

export class QueuePlaces {
  #rules: Rules;
  readonly #all: Places<Seated>;
  readonly #byModel = new Map<string, Places<Seated>>();

  constructor(rules: Rules) {
    this.#rules = rules;
    this.#all = new Places(rules);
  }

  /** After a reload: for those who come from now on. */
  follow(rules: Rules): void {
    this.#rules = rules;
    this.#all.bounds = rules;
    for (const places of this.#byModel.values()) places.bounds = ofOneModel(rules);
  }

  /** Whose places are counted together with its own. */
  partyOf(newcomer: Pick<Newcomer, 'tenant' | 'key'>): string {
    return partyOf(newcomer, this.#rules.fairness);
  }

  /** Why there is no place for it; else whoever has more than their share gives way, where somebody has to. */
  refusalFor(newcomer: Newcomer): string | undefined {
    const { model, places: wanted, bytes } = newcomer;
    const placed = { party: this.partyOf(newcomer), places: wanted, bytes };
    for (const places of [this.#byModel.get(model), this.#all]) {
      const room = places?.roomFor(placed) ?? [];
      if (typeof room === 'string') return room;
      for (const one of room) one.giveWay();
    }
    return undefined;
  }

  /**
   * A place for one of several that wait for a slot as one: what gives it back. Nothing where there is none. It is told to
   * give way where somebody who holds less needs it.
   */
  seat(member: Member): (() => void) | undefined {
    const { model, tenant, key, bytes } = member;
    if (this.refusalFor({ model, tenant, key, places: 1, bytes }) !== undefined) return undefined;
    const party = this.partyOf(member);
    const came = nextArrival();
    const seated = { came, model, party, places: 1, bytes, giveWay: () => member.giveWay() };
    this.add(seated);
    return () => this.remove(seated);
  }

  /** What all who wait for the model hold. */
  bytesOf(model: string): number {
    return this.#byModel.get(model)?.bytes ?? 0;
  }

  add(one: Seated): void {
    const places = this.#byModel.get(one.model) ?? new Places(ofOneModel(this.#rules));
    this.#byModel.set(one.model, places);
    places.add(one);
    this.#all.add(one);
  }

  remove(one: Seated): void {
    this.#all.remove(one);
    const places = this.#byModel.get(one.model);
    places?.remove(one);
    if (places?.isEmpty === true) this.#byModel.delete(one.model);
  }
}

function ofOneModel({ placesPerModel, places, bytes }: PlaceBounds): PlaceBounds {
  return { places: placesPerModel ?? places, bytes };
}
