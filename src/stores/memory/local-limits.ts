/** All limits as one replica counts them: by itself, or its share while nobody can be asked. */
import type { LimitDecision, LimitSubject } from '../../core/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import { allowed, type LimitRules, type LimitStep, placeWaitMs, refusal } from '../limit-rules.ts';
import { Levels } from './levels.ts';
import { type Place, Places } from './places.ts';

export class LocalLimits {
  readonly levels: Levels;
  readonly places: Places;
  readonly #clock: Clock;

  constructor(rules: LimitRules, clock: Clock, before?: LocalLimits) {
    this.#clock = clock;
    this.levels = new Levels(rules.rates, clock, before?.levels);
    this.places = before?.places ?? new Places();
  }

  /** The limits of a new configuration: those that did not change remember what was taken from them. */
  follow(rules: LimitRules): LocalLimits {
    return new LocalLimits(rules, this.#clock, this);
  }

  /** Takes from all of the step or from none. */
  take(step: LimitStep, subject: LimitSubject, { replicas, holding }: Sharing): LimitDecision {
    const { rates, places } = step;
    if (places.length > 0) {
      const rule = this.places.full(places, subject, replicas);
      if (rule !== undefined) return this.refuse(rule, step, { subject, replicas });
    }
    const decision = rates.length === 0 ? allowed : this.levels.take(rates, subject, replicas);
    return places.length > 0 && decision.allowed
      ? this.enter(step, subject, { decision, ...holding })
      : decision;
  }

  /** Takes the step's places, until the decision is settled. */
  enter(
    { places }: LimitStep,
    subject: LimitSubject,
    { decision, lease = '', left }: Entering,
  ): LimitDecision {
    const taken = this.places.enter(places, subject, lease);
    return {
      ...decision,
      settle: (tokens) => {
        this.places.leave(taken);
        left?.(taken);
        decision.settle?.(tokens);
      },
    };
  }

  refuse(
    rule: LimitStep['places'][number],
    { rates }: LimitStep,
    { subject, replicas }: { subject: LimitSubject; replicas: number },
  ): LimitDecision {
    const standing = rates.length === 0 ? undefined : this.levels.standing(rates, subject, replicas);
    return refusal({ rule, waitMs: placeWaitMs, standing });
  }
}

/** Where replicas share the places. */
export interface Holding {
  /** What stands for the exchange there. */
  readonly lease?: string;
  readonly left?: (places: readonly Place[]) => void;
}

interface Sharing {
  readonly replicas: number;
  readonly holding?: Holding;
}

interface Entering extends Holding {
  readonly decision: LimitDecision & { readonly allowed: true };
}
