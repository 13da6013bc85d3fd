// A clock that jumps from one alarm to the next: hours of a fleet in a second.
import type { Clock, Timer } from '../../src/lib/clock.ts';

interface Alarm {
  readonly atMs: number;
  /** Of two at the same moment the earlier one made comes first. */
  readonly order: number;
  readonly run: () => void;
  isCancelled: boolean;
}

export class VirtualClock implements Clock {
  #nowMs = 0;
  #made = 0;
  /** A binary heap. */
  readonly #alarms: Alarm[] = [];

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return this.#nowMs;
  }

  after(ms: number, run: () => void): Timer {
    this.#made += 1;
    const alarm = { atMs: this.#nowMs + Math.max(0, ms), order: this.#made, run, isCancelled: false };
    this.#push(alarm);
    return {
      cancel: () => {
        alarm.isCancelled = true;
      },
    };
  }

  /** Runs until nothing is left to come, or until that moment; promises are settled between two alarms. */
  async run(untilMs = Number.POSITIVE_INFINITY): Promise<void> {
    for (let alarm = this.#alarms[0]; alarm !== undefined; alarm = this.#alarms[0]) {
      if (alarm.atMs > untilMs) return;
      this.#pop();
      if (alarm.isCancelled) continue;
      this.#nowMs = alarm.atMs;
      alarm.run();
      await settled;
      await settled;
    }
  }

  #push(alarm: Alarm): void {
    const alarms = this.#alarms;
    let at = alarms.push(alarm) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(alarm, alarms[parent])) break;
      alarms[at] = alarms[parent] ?? alarm;
      at = parent;
    }
    alarms[at] = alarm;
  }

  #pop(): void {
    const alarms = this.#alarms;
    const last = alarms.pop();
    if (last === undefined || alarms.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const right = alarms[child + 1];
      if (right !== undefined && isBefore(right, alarms[child])) child += 1;
      const least = alarms[child];
      if (least === undefined || !isBefore(least, last)) break;
      alarms[at] = least;
      at = child;
    }
    alarms[at] = last;
  }
}

const settled = Promise.resolve();

function isBefore(one: Alarm, other: Alarm | undefined): boolean {
  if (other === undefined) return true;
  return one.atMs === other.atMs ? one.order < other.order : one.atMs < other.atMs;
}
