/**
 * Timers for what seldom comes due: every exchange sets some, and nearly all are cancelled. Never early, and late by
 * one tick at most. Setting and cancelling one of Node's own costs a microsecond and more; here they are links in a list.
 */
import type { Timer } from './clock.ts';

export interface CoarseTimersOptions {
  readonly now: () => number;
  readonly tickMs: number;
  /** Begins to call at each tick, and gives back how to stop it. */
  readonly tick: (run: () => void, everyMs: number) => () => void;
}

/** A wheel: an alarm stands in the slot of its moment, whatever the round. A power of two. */
const slotCount = 512;

export class CoarseTimers {
  readonly #options: CoarseTimersOptions;
  readonly #slots: readonly Link[] = Array.from({ length: slotCount }, () => new Link());
  #pending = 0;
  #sweptTick = 0;
  #stopTicking: (() => void) | undefined;
  readonly #left = () => {
    this.#pending -= 1;
  };

  constructor(options: CoarseTimersOptions) {
    this.#options = options;
  }

  after(ms: number, run: () => void): Timer {
    const { now, tick, tickMs } = this.#options;
    const nowMs = now();
    if (this.#stopTicking === undefined) {
      this.#sweptTick = Math.floor(nowMs / tickMs);
      this.#stopTicking = tick(() => this.#sweep(), tickMs);
    }
    const alarm = new Alarm(nowMs + ms, run, this.#left);
    alarm.joinBefore(this.#slotOf(Math.floor(alarm.atMs / tickMs)));
    this.#pending += 1;
    return alarm;
  }

  #slotOf(tick: number): Link {
    return this.#slots[tick % slotCount] as Link;
  }

  /** The last slot looked at is looked at again: some of its alarms were still to come. */
  #sweep(): void {
    const nowMs = this.#options.now();
    const untilTick = Math.floor(nowMs / this.#options.tickMs);
    const fromTick = Math.max(this.#sweptTick, untilTick - slotCount + 1);
    for (let tick = fromTick; tick <= untilTick; tick += 1) runDue(this.#slotOf(tick), nowMs);
    this.#sweptTick = untilTick;
    if (this.#pending > 0) return;
    this.#stopTicking?.();
    this.#stopTicking = undefined;
  }
}

/** One that throws leaves the others where they are: they run at the next tick. */
function runDue(slot: Link, nowMs: number): void {
  const due: Alarm[] = [];
  for (let at = slot.next; at !== slot; at = at.next)
    if (at instanceof Alarm && at.atMs <= nowMs) due.push(at);
  due.sort((one, other) => one.atMs - other.atMs);
  for (const alarm of due) alarm.ring();
}

class Link {
  next: Link = this;
  previous: Link = this;
}

class Alarm extends Link implements Timer {
  readonly atMs: number;
  readonly #run: () => void;
  readonly #left: () => void;

  constructor(atMs: number, run: () => void, left: () => void) {
    super();
    this.atMs = atMs;
    this.#run = run;
    this.#left = left;
  }

  joinBefore(link: Link): void {
    this.next = link;
    this.previous = link.previous;
    link.previous.next = this;
    link.previous = this;
  }

  ring(): void {
    if (this.next === this) return;
    this.cancel();
    this.#run();
  }

  cancel(): void {
    if (this.next === this) return;
    this.previous.next = this.next;
    this.next.previous = this.previous;
    this.next = this;
    this.previous = this;
    this.#left();
  }
}
