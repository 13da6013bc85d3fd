/** What this replica may give away by itself while Redis does not answer: a part of what was left, and never much. */
import { allotmentOf, type Heard, isKnown } from './heard-accounts.ts';
import type { SharedPart } from './shared-reservation.ts';

export class Outage {
  readonly #replicas: () => number;
  /** Counts them: each has allotments of its own. */
  #number = 1;
  /** By the server's clock; 0 while there is none. */
  #sinceMs = 0;

  constructor(replicas: () => number) {
    this.#replicas = replicas;
  }

  begin(nowMs: number): void {
    if (this.#sinceMs === 0) this.#sinceMs = nowMs;
  }

  end(): void {
    this.#number += 1;
    this.#sinceMs = 0;
  }

  /** Whether it is known what was spent. A window that began meanwhile began with nothing. */
  isKnown(heard: Heard): boolean {
    if (heard.epoch === '' && this.#sinceMs > 0 && heard.window.startMs >= this.#sinceMs) heard.before ??= 0;
    return isKnown(heard);
  }

  /** From all of them or none. */
  take(parts: readonly SharedPart[], amountOfPart: (part: SharedPart) => number): boolean {
    const lost = { outage: this.#number, replicas: this.#replicas() };
    const costly = parts.filter((part) => amountOfPart(part) > 0);
    const enough = costly.every((part) => {
      const { most, used } = allotmentOf(part.heard, part.rule, lost);
      return used + amountOfPart(part) <= most;
    });
    if (!enough) return false;
    for (const part of costly) {
      const amount = amountOfPart(part);
      const allotment = allotmentOf(part.heard, part.rule, lost);
      allotment.used += amount;
      part.alone = (part.outage === allotment.outage ? part.alone : 0) + amount;
      part.outage = allotment.outage;
    }
    return true;
  }
}
