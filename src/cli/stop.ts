/** How the gateway ends: asked to, told twice, or by a mistake of its own. */
import type { Log } from '../telemetry/log.ts';
import type { DrainLimits } from '../wiring/departure.ts';

export interface Stoppable {
  /** Leaves in good order: settles when everything has ended. */
  drain(): Promise<void>;
  /** Takes nothing new and lets what is in flight end, at most for so long. May be called again with less. */
  close(graceMs: number): Promise<void>;
}

export interface StopOptions {
  readonly running: Stoppable;
  readonly log: Log;
  /** How long the steps of leaving in good order may take, by the configuration that is in force when they begin. */
  readonly limits: () => DrainLimits;
  /** Resolves when there is no sense in going on: the reason is in the log already. */
  readonly hopeless?: Promise<void> | undefined;
  /** Who tells it to stop, where that is not the operator by a signal. */
  readonly told?: (orders: Orders) => void;
}

/** What whoever tells it to stop may say. */
export interface Orders {
  drain(): void;
  close(graceMs: number): void;
}

/** Whatever still holds the process after this time is cut off with it. */
const lastMs = 3_000;

/**
 * Ctrl-C ends at once, as whoever pressed it expects; SIGTERM leaves the rotation first and lets what is in flight end;
 * a second signal of either kind cuts it. All of them are what the operator wanted, so the exit code is 0. After a mistake of our own what is
 * in flight may end too, nothing new is taken, and the exit code is 1.
 */
export function stopped(options: StopOptions): Promise<number> {
  const { running, log, limits, hopeless, told } = options;
  return new Promise((resolve) => {
    let exitCode = 0;
    let signals = 0;
    let last: NodeJS.Timeout | undefined;
    const end = (ending: Promise<void>, withinMs: number) => {
      clearTimeout(last);
      last = setTimeout(() => process.exit(exitCode), withinMs + lastMs);
      last.unref();
      ending.then(
        () => resolve(exitCode),
        (trouble: unknown) => {
          log.error({ cause: stackOf(trouble) }, 'stopping failed');
          log.flush();
          resolve(1);
        },
      );
    };
    const drain = () => end(running.drain(), drainMsOf(limits()));
    const onSignal = (signal: NodeJS.Signals) => {
      signals += 1;
      if (signals > 2) process.exit(exitCode);
      const atOnce = signal === 'SIGINT' || signals > 1;
      log.info({ signal, withinMs: atOnce ? 0 : drainMsOf(limits()) }, 'stopping');
      if (atOnce) end(running.close(0), 0);
      else drain();
    };
    const fail = () => {
      // Only the first mistake begins the end; more of them must not prolong it.
      if (exitCode === 1) return;
      exitCode = 1;
      const { requestsMs } = limits();
      end(running.close(requestsMs), requestsMs);
    };
    const onMistake = (mistake: unknown) => {
      log.error({ cause: stackOf(mistake) }, 'a mistake of the gateway itself: it stops');
      log.flush();
      fail();
    };
    if (told === undefined) {
      process.on('SIGINT', onSignal);
      process.on('SIGTERM', onSignal);
    } else {
      told({
        drain,
        close: (graceMs) => end(running.close(graceMs), graceMs),
      });
    }
    void hopeless?.then(fail);
    process.on('uncaughtException', onMistake);
    process.on('unhandledRejection', onMistake);
  });
}

function drainMsOf({ preStopMs, requestsMs, streamsMs }: DrainLimits): number {
  return preStopMs + Math.max(requestsMs, streamsMs);
}

const stackCharsMax = 4_000;

function stackOf(thrown: unknown): string {
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return text.slice(0, stackCharsMax);
}
