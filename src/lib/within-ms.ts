/** Waits for some work, and not for ever: it goes on by itself. */
import type { Clock } from './clock.ts';

/** The work must not reject. */
export function withinMs(work: Promise<unknown>, clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(ms, resolve);
    void work.finally(() => {
      timer.cancel();
      resolve();
    });
  });
}
