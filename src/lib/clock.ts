/** Time, as something that tests can hold. */
export interface Clock {
  /** Monotonic milliseconds: for durations. */
  now(): number;
  /** Milliseconds since 1970: for people and other machines. */
  wall(): number;
  after(ms: number, run: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, run) => {
    const handle = setTimeout(run, ms);
    return { cancel: () => clearTimeout(handle) };
  },
};
