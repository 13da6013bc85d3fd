/**
 * Slots that whoever floods may not take although they are free: kept for the others, who are about to come. Nobody is taken
 * off a slot, so that without any they would wait until one of the flood's requests ends. What it costs is bounded: of the
 * slots' time a share is saved up while somebody waits, and a slot is kept only while somebody is expected sooner than what was
 * saved is used up. So it goes where it does most: to those who come back at once, and to many rather than to few.
 */
import type { Clock } from '../lib/clock.ts';
import type { Charge } from './line.ts';
import type { WaitingParties } from './waiting-parties.ts';

export interface KeptSlotsOptions {
  readonly clock: Clock;
  /** How much of the slots' time may be left idle. */
  readonly idleShareMax: number;
  /** Who waits for them. */
  readonly parties: WaitingParties;
}

/** How many slots there are for a request, and how many of them are free. */
export interface Room {
  readonly free: number;
  readonly slots: number;
}

/** What was seen of those who do not flood, while so many of them were there. */
interface Seen {
  /** How many of them came then. */
  came: number;
  ms: number;
}

/** Beyond it all counts of who is there are one. */
const countsMax = 256;
/** What was seen counts half as much after so long. */
const halvedAfterMs = 30_000;
/** No more is saved up than in so long. */
const savedUpMs = 10_000;
/** Nothing is kept for those of whom none has come or gone for so long. */
const silentMsMax = 10_000;
/** Nobody is looked at more often. */
const againMsMin = 5;

export class KeptSlots implements Charge {
  /** How many there are, as last seen. */
  slots = 0;
  readonly parties: WaitingParties;
  readonly #options: KeptSlotsOptions;
  /** By how many were there, at work or waiting. */
  readonly #seen: Seen[] = [];
  #present = 0;
  /** How many of those have no slot yet. */
  #waiting = 0;
  #presentSinceMs: number;
  #halvedMs: number;
  /** In milliseconds of one slot. */
  #savedMs = 0;
  #savedAtMs: number;
  #kept = 0;
  /** How long slots were kept since somebody was charged for it; and how long the others took, and how many. */
  #idleMs = 0;
  #presentMs = 0;
  #ended = 0;

  constructor(options: KeptSlotsOptions) {
    this.#options = options;
    this.parties = options.parties;
    const nowMs = options.clock.now();
    this.#presentSinceMs = nowMs;
    this.#halvedMs = nowMs;
    this.#savedAtMs = nowMs;
  }

  /** Somebody came who does not flood. */
  came(): void {
    const nowMs = this.#tick();
    const seen = this.#seenAt(this.#present);
    seen.came += 1;
    seen.ms += nowMs - this.#presentSinceMs;
    this.#present += 1;
    this.#waiting += 1;
    this.#presentSinceMs = nowMs;
  }

  /** And is given a slot. */
  began(): void {
    this.#tick();
    this.#waiting -= 1;
    if (this.#kept > 0) this.#kept -= 1;
  }

  /** And has left without one. */
  left(): void {
    this.#waiting -= 1;
    this.settle();
  }

  /** And gives it back. */
  settle(): void {
    const nowMs = this.#tick();
    this.#seenAt(this.#present).ms += nowMs - this.#presentSinceMs;
    this.#present -= 1;
    this.#ended += 1;
    this.#presentSinceMs = nowMs;
  }

  /**
   * For how long none of the free ones is for whoever floods, as far as one can say now; 0 where it may have one.
   */
  keptForMs({ free, slots }: Room): number {
    const nowMs = this.#tick();
    this.slots = slots;
    this.#kept = 0;
    // One is at work always: where there is no other none is kept.
    if (free === 0 || free >= slots) return 0;
    const openMs = nowMs - this.#presentSinceMs;
    if (openMs > silentMsMax) return 0;
    let expectedMs = 0;
    // Whoever waits is there already, and is looked at next.
    const comingMax = free - this.#waiting;
    for (let more = 0; more < comingMax && expectedMs <= this.#savedMs; more += 1) {
      const { came, ms } = this.#seenAt(this.#present + more);
      expectedMs += (more === 0 ? ms + openMs : ms) / came;
    }
    // Nobody has come yet in that situation, or it takes too long.
    if (!(expectedMs <= this.#savedMs)) return 0;
    this.#kept = free;
    // Both run towards each other: what is saved is used up, and who has not come yet comes less often than was thought.
    const { came } = this.#seenAt(this.#present);
    return Math.max(againMsMin, (this.#savedMs - expectedMs) / (free + 1 / came));
  }

  /** How many requests could have been served in the time that slots were kept, since it was asked last. */
  takeIdle(): number {
    if (this.#idleMs === 0 || this.#ended === 0) return 0;
    const requests = (this.#idleMs * this.#ended) / this.#presentMs;
    this.#idleMs = 0;
    return requests;
  }

  #tick(): number {
    const nowMs = this.#options.clock.now();
    const passedMs = nowMs - this.#savedAtMs;
    const perMs = this.slots * this.#options.idleShareMax;
    const savedMs = this.#savedMs + (perMs - this.#kept) * passedMs;
    this.#idleMs += this.#kept * passedMs;
    this.#presentMs += this.#present * passedMs;
    this.#savedMs = Math.min(savedMs, perMs * savedUpMs);
    this.#savedAtMs = nowMs;
    if (nowMs - this.#halvedMs >= halvedAfterMs) {
      this.#halvedMs = nowMs;
      this.#presentMs /= 2;
      this.#ended /= 2;
      for (const seen of this.#seen) {
        seen.came /= 2;
        seen.ms /= 2;
      }
    }
    return nowMs;
  }

  #seenAt(present: number): Seen {
    const at = Math.min(present, countsMax - 1);
    for (let made = this.#seen.length; made <= at; made += 1) this.#seen.push({ came: 0, ms: 0 });
    return this.#seen[at] ?? { came: 0, ms: 0 };
  }
}
