/**
 * How many requests a server works on at once, where nobody said: found by what happens to the first content. A server that
 * is sent one more than it works on lets one of them wait, and that shows in the time to its first content. By
 * Little's law as large a part of those under way waits as waiting is of the time they take: that part is taken off the
 * limit, as gradient limits do. The limit grows while it is used up and nobody waits. Replicas that share a server share its
 * limit: each looks at the answers that it gets, and goes by what another has found.
 */
import type { FailureCode } from '../core/failure.ts';
import type { Ending, LearntSlots } from '../core/fleet.ts';

export interface LimitBounds {
  readonly start: number;
  readonly max: number;
}

/** The limit is looked at after so many answers, or as many as it allows us at once. */
const answersMin = 10;
/** Below a limit that was too high it rests for so many looks, so that it is too high seldom. */
const restLooks = 20;
/** Fewer than so many that wait are noise. */
const waitingMin = 0.5;
/** The first content may come so many times later than at best without anybody waiting: prompts differ in length. */
const firstTolerance = 1.5;
/** The same for the tokens of whole answers, of which each takes about the same time. */
const tokenTolerance = 1.15;
/** No look takes more than so much of the limit. */
const gradientMin = 0.5;
/** Until somebody has waited the limit grows by as much of itself, and then by one. */
const growth = 1.5;
/** What is left of the limit when the server says itself that it is too much. */
const overloadShare = 0.7;
const overloads: ReadonlySet<FailureCode> = new Set(['upstream_overloaded', 'upstream_rate_limited']);

export class AdaptiveLimit implements LearntSlots {
  readonly #max: number;
  #limit: number;
  #restLooks = 0;
  /** The last one that was too high; 0 while nobody has waited. */
  #tooHigh = 0;
  /** Those that were under way when the server said that it is too much: what they say of it is old. */
  #oldNews = 0;
  #look = new Look();
  readonly #best = new Best();

  constructor({ start, max }: LimitBounds) {
    this.#limit = start;
    this.#max = max;
  }

  get now(): number {
    return this.#limit;
  }

  get tooMany(): number {
    return this.#tooHigh;
  }

  /** `inFlight` counts the one that ended; `others` are those of other replicas. */
  ended(ending: Ending, inFlight: number, others = 0): void {
    const { outcome } = ending;
    const all = inFlight + others;
    this.#oldNews -= 1;
    if (typeof outcome === 'object' && overloads.has(outcome.code)) this.#overloaded(inFlight, all);
    if (outcome !== 'served' || ending.cold) return;
    this.#look.add(ending, { isFull: all >= this.#limit, isAlone: all === 1 });
    if (this.#look.answers >= Math.max(answersMin, this.#limit - others)) this.#adapt();
  }

  follow(slots: number, tooMany: number): void {
    const limit = Math.max(1, Math.min(this.#max, slots));
    this.#tooHigh = tooMany;
    if (limit === this.#limit) return;
    if (limit < this.#limit) {
      this.#restLooks = restLooks;
      this.#oldNews = this.#limit;
    }
    this.#limit = limit;
    this.#look = new Look();
  }

  #overloaded(inFlight: number, all: number): void {
    if (this.#oldNews > 0) return;
    this.#oldNews = inFlight;
    this.#lower(Math.floor(Math.min(this.#limit, all) * overloadShare));
  }

  #adapt(): void {
    const look = this.#look;
    this.#look = new Look();
    this.#best.learn(look);
    const { firstMs, tokenMs } = this.#best;
    const surely = look.waitedShare(firstMs * firstTolerance, tokenMs * tokenTolerance);
    this.#restLooks -= 1;
    if (this.#limit * surely >= waitingMin) {
      const waiting = this.#limit * look.waitedShare(firstMs, tokenMs);
      // Rounded so that one that waits is one less.
      this.#lower(Math.ceil(this.#limit - waiting - 0.5));
    } else if (look.isUsedUp && this.#mayRise) this.#raise();
  }

  get #mayRise(): boolean {
    return this.#tooHigh === 0 || this.#limit + 1 < this.#tooHigh || this.#restLooks <= 0;
  }

  #lower(limit: number): void {
    this.#tooHigh = this.#limit;
    this.#limit = Math.max(1, limit, Math.floor(this.#limit * gradientMin));
    this.#restLooks = restLooks;
    this.#look = new Look();
  }

  #raise(): void {
    const raised = this.#tooHigh > 0 ? this.#limit + 1 : Math.ceil(this.#limit * growth);
    this.#limit = Math.min(this.#max, Math.max(raised, this.#limit + 1));
  }
}

/** How many were there as an answer ended: as many as may be, or it alone. */
interface Company {
  readonly isFull: boolean;
  readonly isAlone: boolean;
}

/** The answers since the limit was last looked at. */
class Look {
  answers = 0;
  /** Whether each of them was the only one there as it ended: none of them can have waited. */
  areAlone = true;
  #tookMs = 0;
  #timesFull = 0;
  #streams = 0;
  #streamsFirstMs = 0;
  /** Whole answers have no first content: theirs is the time that each of their tokens took. */
  #wholeMs = 0;
  #wholeTokens = 0;

  add({ tookMs, firstContentMs, outputTokens }: Ending, { isFull, isAlone }: Company): void {
    if (firstContentMs === 0 && outputTokens === 0) return;
    this.answers += 1;
    this.areAlone &&= isAlone;
    this.#tookMs += tookMs;
    if (isFull) this.#timesFull += 1;
    if (firstContentMs > 0) {
      this.#streams += 1;
      this.#streamsFirstMs += firstContentMs;
    } else {
      this.#wholeMs += tookMs;
      this.#wholeTokens += outputTokens;
    }
  }

  get isUsedUp(): boolean {
    return this.#timesFull * 2 >= this.answers;
  }

  get firstMs(): number | undefined {
    return this.#streams === 0 ? undefined : this.#streamsFirstMs / this.#streams;
  }

  get tokenMs(): number | undefined {
    return this.#wholeTokens === 0 ? undefined : this.#wholeMs / this.#wholeTokens;
  }

  /** How much of the time that they took was waiting, where nobody waits who takes no longer than that. */
  waitedShare(firstMs: number, tokenMs: number): number {
    const streamsMs = this.#streams === 0 ? 0 : this.#streamsFirstMs - this.#streams * firstMs;
    const wholeMs = this.#wholeTokens === 0 ? 0 : this.#wholeMs - this.#wholeTokens * tokenMs;
    return (Math.max(0, streamsMs) + Math.max(0, wholeMs)) / this.#tookMs;
  }
}

/** The best so far counts so much more at each look: a server may become slower for good. */
const drift = 1.003;

/**
 * How quick the server is when nobody waits there: the quickest look so far, or the last one in which nobody can have
 * waited. Without that a few short prompts would make all others look as if they waited, for thousands of answers.
 */
class Best {
  firstMs = Number.POSITIVE_INFINITY;
  tokenMs = Number.POSITIVE_INFINITY;

  learn({ areAlone, firstMs, tokenMs }: Look): void {
    this.firstMs = bestOf(this.firstMs, firstMs, areAlone);
    this.tokenMs = bestOf(this.tokenMs, tokenMs, areAlone);
  }
}

function bestOf(before: number, now: number | undefined, isCertain: boolean): number {
  if (now === undefined) return before * drift;
  return isCertain ? now : Math.min(before * drift, now);
}
