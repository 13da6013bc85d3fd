/** Who runs now, of those whose number is limited. Bounded by what is under way. */
import type { LimitSubject } from '../../core/ports.ts';
import { holderOf, type PlaceRule } from '../limit-rules.ts';

/** One of those that may run at once, taken by one exchange. */
export interface Place {
  readonly rule: PlaceRule;
  readonly who: string;
  /** What stands for the exchange where replicas share the places. */
  readonly lease: string;
}

export class Places {
  /** By the rule's id and the subject. */
  readonly #held = new Map<string, Map<string, Set<Place>>>();

  /** The first of the rules whose places are all taken: of one of several replicas its share, though never less than one. */
  full(rules: readonly PlaceRule[], subject: LimitSubject, replicas: number): PlaceRule | undefined {
    return rules.find((rule) => {
      const share = Math.max(1, Math.floor(rule.places / replicas));
      return (this.#held.get(rule.id)?.get(holderOf(rule, subject))?.size ?? 0) >= share;
    });
  }

  enter(rules: readonly PlaceRule[], subject: LimitSubject, lease: string): readonly Place[] {
    return rules.map((rule) => {
      const place = { rule, who: holderOf(rule, subject), lease };
      this.#of(place).add(place);
      return place;
    });
  }

  leave(places: readonly Place[]): void {
    for (const place of places) {
      const byHolder = this.#held.get(place.rule.id);
      const held = byHolder?.get(place.who);
      held?.delete(place);
      if (held?.size === 0) byHolder?.delete(place.who);
    }
  }

  has(place: Place): boolean {
    return this.#held.get(place.rule.id)?.get(place.who)?.has(place) ?? false;
  }

  get any(): boolean {
    return this.#held.values().some((byHolder) => byHolder.size > 0);
  }

  *all(): Iterable<Place> {
    for (const byHolder of this.#held.values()) for (const held of byHolder.values()) yield* held;
  }

  #of({ rule, who }: Place): Set<Place> {
    const byHolder = this.#held.get(rule.id) ?? new Map<string, Set<Place>>();
    this.#held.set(rule.id, byHolder);
    const held = byHolder.get(who) ?? new Set<Place>();
    byHolder.set(who, held);
    return held;
  }
}
