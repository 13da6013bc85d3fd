/** A clock that stands still until a test moves it. */
import type { Clock, Timer } from '../src/lib/clock.ts';

export interface HeldClock extends Clock {
  /** Moves time on, running what comes due on the way, each at its own moment and in order. */
  advance(ms: number): void;
  /** Moves time on at once, as on a machine that slept: what came due meanwhile runs once, late. */
  sleep(ms: number): void;
  /** Timers that have neither run nor been cancelled. */
  readonly pending: number;
  /** How long until the next one is due; Infinity where none is. */
  readonly nextInMs: number;
}

interface Alarm {
  readonly atMs: number;
  readonly run: () => void;
}

export function createHeldClock(wallMs = Date.UTC(2026, 0, 1)): HeldClock {
  let nowMs = 0;
  // Insertion order breaks ties, as it does with real timers.
  const alarms = new Set<Alarm>();

  const takeNext = (untilMs: number): Alarm | undefined => {
    let next: Alarm | undefined;
    for (const alarm of alarms) {
      if (alarm.atMs <= untilMs && (next === undefined || alarm.atMs < next.atMs)) next = alarm;
    }
    if (next !== undefined) alarms.delete(next);
    return next;
  };

  const advance = (ms: number) => {
    const untilMs = nowMs + ms;
    for (let alarm = takeNext(untilMs); alarm !== undefined; alarm = takeNext(untilMs)) {
      nowMs = Math.max(nowMs, alarm.atMs);
      alarm.run();
    }
    nowMs = untilMs;
  };

  return {
    now: () => nowMs,
    wall: () => wallMs + nowMs,
    after: (ms, run): Timer => {
      const alarm = { atMs: nowMs + Math.max(0, ms), run };
      alarms.add(alarm);
      return { cancel: () => alarms.delete(alarm) };
    },
    advance,
    sleep: (ms) => {
      nowMs += ms;
      advance(0);
    },
    get pending() {
      return alarms.size;
    },
    get nextInMs() {
      return Math.min(...Array.from(alarms, ({ atMs }) => atMs)) - nowMs;
    },
  };
}
