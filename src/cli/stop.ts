/** How the gateway ends: asked to, told twice, or by a mistake of its own. */
import type { Log } from '../telemetry/log.ts';

export interface Stoppable {
  /** Lets requests end, for as long as the configuration says or at most `graceMs`. May be called again with less. */
  close(graceMs?: number): Promise<void>;
}

export interface StopOptions {
  readonly running: Stoppable;
  readonly log: Log;
  /** How long the configuration lets requests end. */
  readonly drainMs: number;
}

/** Whatever still holds the process after this time is cut off with it. */
const lastMs = 3_000;

/**
 * Ctrl-C ends at once, as whoever pressed it expects; SIGTERM lets what is in flight end; a second signal of either
 * kind cuts it. All of them are what the operator wanted, so the exit code is 0. After a mistake of our own what is
 * in flight may end too, nothing new is taken, and the exit code is 1.
 */
export function stopped({ running, log, drainMs }: StopOptions): Promise<number> {
  return new Promise((resolve) => {
    let exitCode = 0;
    let signals = 0;
    let last: NodeJS.Timeout | undefined;
    const end = (graceMs: number) => {
      clearTimeout(last);
      last = setTimeout(() => process.exit(exitCode), graceMs + lastMs);
      last.unref();
      running.close(graceMs).then(
        () => resolve(exitCode),
        (trouble: unknown) => {
          log.error({ cause: stackOf(trouble) }, 'stopping failed');
          log.flush();
          resolve(1);
        },
      );
    };
    const onSignal = (signal: NodeJS.Signals) => {
      signals += 1;
      if (signals > 2) process.exit(exitCode);
      const graceMs = signal === 'SIGINT' || signals > 1 ? 0 : drainMs;
      log.info({ signal, graceMs }, 'stopping');
      end(graceMs);
    };
    const onMistake = (mistake: unknown) => {
      log.error({ cause: stackOf(mistake) }, 'a mistake of the gateway itself: it stops');
      log.flush();
      // Only the first one begins the end; more of them must not prolong it.
      if (exitCode === 1) return;
      exitCode = 1;
      end(drainMs);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    process.on('uncaughtException', onMistake);
    process.on('unhandledRejection', onMistake);
  });
}

const stackCharsMax = 4_000;

function stackOf(thrown: unknown): string {
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return text.slice(0, stackCharsMax);
}
