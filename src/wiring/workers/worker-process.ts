/** One worker as its primary has it: started, told what to serve by, asked, and stopped. */
import cluster, { type Worker } from 'node:cluster';
import type { Clock } from '../../lib/clock.ts';
import { type Answers, Line } from './line.ts';
import { Pulse } from './pulse.ts';
import type { ToPrimary, ToWorker, WorkerPorts, WorkerStart } from './questions.ts';

export interface WorkerProcessOptions {
  readonly clock: Clock;
  readonly answers: Pick<Answers<ToPrimary>, 'metrics'>;
  /** Of one that serves; nobody is hung where it is `never`. */
  readonly hungMs: number | 'never';
  /** It is killed after that. */
  readonly onHung: (silentMs: number) => void;
}

export interface Ended {
  /** For the log: `signal SIGKILL`, `code 1`. */
  readonly how: string;
  /** How long it took connections; nothing where it never began to. */
  readonly servedMs: number;
}

/** With the databases away a gateway opens all the same; a machine that is very busy takes its time. */
const startMs = 60_000;
/** What still holds a worker after its time is cut off with it. */
const lastMs = 3_000;

export class WorkerProcess {
  readonly line: Line<ToWorker, ToPrimary>;
  /** Settles when there is no such process any more. */
  readonly ended: Promise<Ended>;
  /** Whether it has begun, and has not ended. */
  isServing = false;
  /** Under which it writes to the spool. */
  run: string | undefined;
  readonly startedAtMs: number;
  readonly #worker: Worker;
  readonly #options: WorkerProcessOptions;
  #servesSinceMs: number | undefined;
  #pulse: Pulse | undefined;

  constructor(options: WorkerProcessOptions) {
    const { clock, answers } = options;
    this.#options = options;
    this.startedAtMs = clock.wall();
    this.#worker = cluster.fork();
    const { process: child } = this.#worker;
    const line = new Line<ToWorker, ToPrimary>({
      channel: child,
      clock,
      answers: {
        ...answers,
        run: (run) => {
          this.run = run;
        },
      },
    });
    this.line = line;
    const { promise, resolve } = Promise.withResolvers<Ended>();
    this.ended = promise;
    const end = (how: string) => {
      this.isServing = false;
      this.#pulse?.stop();
      line.cut();
      const now = clock.now();
      resolve({ how, servedMs: now - (this.#servesSinceMs ?? now) });
    };
    child.once('exit', (code, signal) => end(signal === null ? `code ${code}` : `signal ${signal}`));
    // It could not be started, or not be told anything: the exit, where there is one, comes as well.
    child.on('error', (error: Error) => {
      if (child.pid === undefined) end(error.message);
    });
  }

  get pid(): number {
    return this.#worker.process.pid ?? 0;
  }

  async start(given: WorkerStart): Promise<WorkerPorts> {
    const ports = await this.line.ask('start', given, startMs);
    this.#servesSinceMs = this.#options.clock.now();
    this.isServing = true;
    this.#watch();
    return ports;
  }

  /** It leaves by itself from now on, in good order. */
  drain(preStopMs: number): void {
    // Whoever is about to end need not answer.
    this.line.ask('drain', { preStopMs }).catch(() => {});
  }

  /** Resolves when it has ended, by itself or cut off after its time. May be called again with less of it. */
  async stop(graceMs: number): Promise<void> {
    this.line.ask('stop', { graceMs }).catch(() => {});
    await this.gone(graceMs);
  }

  /** Resolves when it has ended, as it was told to; after so long it is cut off. */
  async gone(graceMs: number): Promise<void> {
    const timer = this.#options.clock.after(graceMs + lastMs, () => this.kill());
    await this.ended;
    timer.cancel();
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL');
  }

  #watch(): void {
    const { clock, hungMs, onHung } = this.#options;
    if (hungMs === 'never') return;
    this.#pulse = new Pulse({
      clock,
      hungMs,
      ask: (timeoutMs) => this.line.ask('pulse', undefined, timeoutMs),
      onHung: (silentMs) => {
        onHung(silentMs);
        // No other signal ends a process that is stopped, or whose loop does not turn.
        this.kill();
      },
    });
  }
}
