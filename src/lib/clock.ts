/** Time, as something that tests can hold. */
import { CoarseTimers } from './coarse-timers.ts';

export interface Clock {
  /** Monotonic milliseconds: for durations. */
  now(): number;
  /** Milliseconds since 1970: for people and other machines. */
  wall(): number;
  /** Never early. What waits for seconds may come a few hundredths late. */
  after(ms: number, run: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** From here on a tick more makes no difference. */
const coarseFromMs = 2_500;
const tickMs = 50;

const coarse = new CoarseTimers({
  now: () => performance.now(),
  tickMs,
  tick: (run, everyMs) => {
    const handle = setInterval(run, everyMs);
    return () => clearInterval(handle);
  },
});

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, run) => {
    if (ms >= coarseFromMs) return coarse.after(ms, run);
    const handle = setTimeout(run, ms);
    return { cancel: () => clearTimeout(handle) };
  },
};
