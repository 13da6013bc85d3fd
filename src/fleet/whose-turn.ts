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
  readonly queue: Queue;
  readonly waiter: Waiter;
  readonly target: Target;
  readonly nowMs: number;
}

type Queue = ModelQueue<Waiter>;

/** Tenants that have no slot now, by queue; or all who wait there. */
type PassedOver = Map<Queue, ReadonlySet<string> | 'all'>;

/** Of so many slots that are given to who waits, one is for those whom higher priorities have held up too long. */
const turnsBetweenAged = 4;

export class WhoseTurn {
  readonly #options: WhoseTurnOptions;
  #given = 0;

  constructor(options: WhoseTurnOptions) {
    this.#options = options;
  }

  next(queues: Iterable<Queue>): Next | undefined {
    const { clock, keeping, secondLook } = this.#options;
    const moment = { nowMs: clock.now(), agedTurn: this.#given % turnsBetweenAged === turnsBetweenAged - 1 };
    let passed: PassedOver | undefined;
    for (;;) {
      const head = this.#headOf(queues, moment, passed);
      if (head === undefined) return undefined;
      const { queue, waiter } = head;
      const target = this.choose(waiter.want) ?? this.#afterPatience(waiter, moment.nowMs);
      if (target !== undefined && !keeping.isKept(target, waiter.want))
        return { queue, waiter, target, nowMs: moment.nowMs };
      passed ??= new Map();
      if (target === undefined) {
        passed.set(queue, 'all');
        secondLook.soon();
      } else passed.set(queue, besides(passed.get(queue), waiter.tenant));
    }
  }

  /** It was given its slot. */
  given({ queue, nowMs }: Next): void {
    this.#given += 1;
    queue.movedMs = nowMs;
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
    queues: Iterable<Queue>,
    moment: Moment,
    passed: PassedOver | undefined,
  ): Head<Queue, Waiter> | undefined {
    let next: Head<Queue, Waiter> | undefined;
    for (const queue of queues) {
      const without = passed?.get(queue);
      const head = without === 'all' ? undefined : this.#firstOf(queue, moment, without);
      if (head === undefined) continue;
      if (next === undefined || this.#options.modelTurns.isBefore(head, next, moment)) next = head;
    }
    return next;
  }

  /** All in one queue may be sent to the same servers, but for a tenant for whom alone one is left out. */
  #firstOf(
    queue: Queue,
    moment: Moment,
    passed: ReadonlySet<string> | undefined,
  ): Head<Queue, Waiter> | undefined {
    const { openings } = this.#options;
    const { line } = queue;
    let without = passed;
    for (;;) {
      const waiter = without === undefined ? line.first(moment) : line.firstBut(without, moment);
      if (waiter === undefined) return undefined;
      const target = openings.first(waiter.want, moment.nowMs);
      if (target !== undefined) return new Head(queue, waiter, target);
      if (!openings.shutFor(waiter.want).includes(waiter.tenant)) return undefined;
      without = besides(without, waiter.tenant);
    }
  }
}

function besides(tenants: ReadonlySet<string> | 'all' | undefined, tenant: string): ReadonlySet<string> {
  return new Set(tenants === 'all' ? [] : tenants).add(tenant);
}
