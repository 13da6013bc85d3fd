/**
 * Who of those that wait is given a slot next, and where: of the first of each queue for whom there is one, the one whose turn
 * it is, unless its policy would rather wait for a busy server, or the slot is kept for others.
 */
import type { Target } from '../core/exchange.ts';
import type { Known, Want } from '../core/fleet.ts';
import type { Clock } from '../lib/clock.ts';
import type { Keeping } from './keeping.ts';
import type { Moment } from './line.ts';
import type { ModelQueue } from './model-queues.ts';
import { Head, type ModelTurns, patientUntilMs } from './model-turns.ts';
import type { Openings } from './openings.ts';
import type { SecondLook } from './second-look.ts';
import type { Waiter } from './waiter.ts';

export interface WhoseTurnOptions {
  readonly clock: Clock;
  readonly known: Known;
  readonly openings: Openings;
  readonly modelTurns: ModelTurns;
  readonly keeping: Keeping;
  readonly secondLook: SecondLook;
}

export interface Next {
  readonly queue: ModelQueue<Waiter>;
  readonly waiter: Waiter;
  readonly target: Target;
}

/** Of so many slots that are given to who waits, one is for those whom higher priorities have held up too long. */
const turnsBetweenAged = 4;

export class WhoseTurn {
  readonly #options: WhoseTurnOptions;
  #given = 0;

  constructor(options: WhoseTurnOptions) {
    this.#options = options;
  }

  next(queues: Iterable<ModelQueue<Waiter>>): Next | undefined {
    const { clock, keeping, secondLook } = this.#options;
    const moment = { nowMs: clock.now(), agedTurn: this.#given % turnsBetweenAged === turnsBetweenAged - 1 };
    let held: Set<ModelQueue<Waiter>> | undefined;
    for (;;) {
      const head = this.#headOf(queues, moment, held);
      if (head === undefined) return undefined;
      const { queue, waiter } = head;
      const isKept = keeping.isKept(queue, waiter.want);
      const target = isKept
        ? undefined
        : (this.choose(waiter.want) ?? this.#afterPatience(waiter, moment.nowMs));
      if (target !== undefined) return { queue, waiter, target };
      held ??= new Set();
      held.add(queue);
      if (!isKept) secondLook.soon();
    }
  }

  /** It was given its slot. */
  given({ queue }: Next): void {
    this.#given += 1;
    queue.movedMs = this.#options.clock.now();
  }

  /** Where the request would go now; nothing where it waits. */
  choose(want: Want): Target | undefined {
    const { openings, known } = this.#options;
    if (want.candidates.length === 1) return openings.first(want);
    const free = openings.of(want);
    if (free.length === 0) return undefined;
    const chosen = free[want.policy.choose(free, want, known)];
    // Waiting for one that is busy needs one that is busy: else nobody would ever look again.
    if (chosen === undefined && want.candidates.every(({ upstream }) => known.inFlight(upstream) === 0))
      return free[0];
    return chosen;
  }

  /** Its policy would have it wait for a busy server still, but it has not the time: whoever is done first. */
  #afterPatience(waiter: Waiter, nowMs: number): Target | undefined {
    if (nowMs < patientUntilMs(waiter)) return undefined;
    const { openings, known } = this.#options;
    const doneMs = (target: Target) => known.serviceMs(target) + known.loadMs(target);
    return openings.of(waiter.want).toSorted((one, other) => doneMs(one) - doneMs(other))[0];
  }

  /** Of those that could be given a slot now, the one whose turn it is. */
  #headOf(
    queues: Iterable<ModelQueue<Waiter>>,
    moment: Moment,
    held: ReadonlySet<ModelQueue<Waiter>> | undefined,
  ): Head<ModelQueue<Waiter>, Waiter> | undefined {
    let next: Head<ModelQueue<Waiter>, Waiter> | undefined;
    for (const queue of queues) {
      const head = held?.has(queue) === true ? undefined : this.#firstOf(queue, moment);
      if (head === undefined) continue;
      if (next === undefined || this.#options.modelTurns.isBefore(head, next, moment)) next = head;
    }
    return next;
  }

  /** All in one queue may be sent to the same servers, but for a tenant for whom alone one is left out. */
  #firstOf(queue: ModelQueue<Waiter>, moment: Moment): Head<ModelQueue<Waiter>, Waiter> | undefined {
    const { openings } = this.#options;
    let waiter = queue.line.first(moment);
    let without: Set<string> | undefined;
    while (waiter !== undefined) {
      const target = openings.first(waiter.want, moment.nowMs);
      if (target !== undefined) return new Head(queue, waiter, target);
      if (!openings.shutFor(waiter.want).includes(waiter.tenant)) return undefined;
      without ??= new Set();
      without.add(waiter.tenant);
      waiter = queue.line.firstBut(without, moment);
    }
    return undefined;
  }
}
