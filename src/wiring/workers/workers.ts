/**
 * The workers of a gateway, as its primary keeps them: so many are started, each that ends is started again, and all serve
 * by the same configuration. To the primary's own gateway they are its listener.
 */
import cluster from 'node:cluster';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../config/schema.ts';
import { fail } from '../../core/failure.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { readCertificate } from '../../net/certificate.ts';
import { assertFree } from '../../net/listen.ts';
import type { StaticKey } from '../../stores/memory/key-store.ts';
import { RunFolder } from '../../stores/spool/run-folder.ts';
import type { Log } from '../../telemetry/log.ts';
import type { ClientListener } from '../client-listener.ts';
import type { Among } from './among.ts';
import { GatheredMetrics } from './gathered-metrics.ts';
import type { WorkerPorts } from './questions.ts';
import { Restarts, restartsMax } from './restarts.ts';
import { Scrapes } from './scrapes.ts';
import { type ConfigInForce, packConfig } from './sent-config.ts';
import { type Ended, WorkerProcess } from './worker-process.ts';

export interface WorkersOptions {
  readonly count: number;
  readonly clock: Clock;
  readonly log: Log;
  /** What all begin with. */
  readonly inForce: ConfigInForce;
  readonly ownKeys: readonly StaticKey[];
  /** How long they still take work when they leave in good order, by the configuration in force. */
  readonly preStopOf: (config: Pick<Config, 'drain'>) => number;
}

/** What one worker said. */
export interface Told<Answer> {
  readonly worker: number;
  readonly answer: Answer;
}

/** Which configuration a worker serves by, and why it is not the one that it should. */
export interface WorkerConfig {
  readonly worker: number;
  readonly configId: string;
  readonly trouble?: string;
}

interface Seat {
  readonly worker: number;
  readonly restarts: Restarts;
  process: WorkerProcess | undefined;
  timer: Timer | undefined;
}

/** Where the kernel shares out the connections of those who listen at the same place; elsewhere the primary does. */
const sharesPort = ['linux', 'freebsd', 'aix', 'sunos'].includes(process.platform);
const workerFile = fileURLToPath(new URL('../../cli/worker.ts', import.meta.url));
const metricsMs = 2_000;
/** As many connections may be waited for as a reload closes and opens. */
const takeMs = 30_000;

export class Workers {
  /** Resolves where one ends again and again: there is no sense in going on. */
  readonly hopeless: Promise<void>;
  readonly #options: WorkersOptions;
  readonly #seats: readonly Seat[];
  readonly #metrics = new GatheredMetrics();
  readonly #scrapes = new Scrapes(() => this.#renderMetrics());
  #own: () => string = () => '';
  #inForce: ConfigInForce;
  #isSettled = false;
  #ports: WorkerPorts | undefined;
  #hasStarted = false;
  #isClosing = false;
  #isWaning = false;
  #hung = 0;
  #giveUp: () => void;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#inForce = options.inForce;
    this.#seats = Array.from({ length: options.count }, (_, index) => ({
      worker: index + 1,
      restarts: new Restarts(),
      process: undefined,
      timer: undefined,
    }));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.hopeless = promise;
    this.#giveUp = resolve;
  }

  /** What they are to the primary's own gateway. */
  get among(): Among {
    return {
      role: 'primary',
      workers: this.#options.count,
      openListener: () => this.#listen(),
      gatherMetrics: (own) => {
        this.#own = own;
        return () => this.#scrapes.text();
      },
      onRun: () => {},
    };
  }

  /** Resolves when all of them take connections. */
  async #listen(): Promise<ClientListener> {
    const { listen } = this.#inForce.config;
    if (listen.tls !== undefined) await readCertificate(listen.tls);
    for (const place of [listen.address, listen.tls?.redirectFrom]) {
      if (place !== undefined && place.port !== 0) await assertFree(place);
    }
    cluster.setupPrimary({
      exec: workerFile,
      args: [],
      serialization: 'advanced',
    });
    const [first, ...others] = this.#seats;
    try {
      // Where the configuration leaves a port open, the first one finds it for all.
      if (first !== undefined) await this.#start(first);
      await Promise.all(others.map((seat) => this.#start(seat)));
      this.#hasStarted = true;
    } catch (thrown) {
      await this.#close(0);
      throw thrown;
    }
    // One that served and ended while the others began.
    for (const seat of this.#seats) if (seat.process === undefined) this.#startLater(seat, 0);
    return {
      port: this.#ports?.clients ?? 0,
      redirectPort: this.#ports?.redirect,
      inFlight: 0,
      // Each reads its certificate by itself.
      present: () => {},
      wane: () => this.#wane(),
      renewCertificate: () => this.#renewCertificates(),
      close: (graceMs) => this.#close(graceMs),
    };
  }

  /** From now on all serve by this one, and those as well that are started later. Never rejects. */
  async take(next: ConfigInForce): Promise<readonly WorkerConfig[]> {
    this.#inForce = next;
    const sent = packConfig(next);
    return await Promise.all(
      this.#serving().map(async ({ worker, process: its }): Promise<WorkerConfig> => {
        try {
          return { worker, configId: await its.line.ask('take', sent, takeMs) };
        } catch (thrown) {
          const trouble = thrown instanceof Error ? thrown.message : String(thrown);
          this.#options.log.error(
            { worker, message: trouble },
            'a worker does not take the configuration: it is replaced',
          );
          void its.stop(next.config.drain.requestsMs);
          return { worker, configId: '', trouble };
        }
      }),
    );
  }

  /** It is known that no other configuration is in force. */
  settle(): void {
    this.#isSettled = true;
    for (const { process: its } of this.#serving()) its.line.ask('settle', undefined).catch(() => {});
  }

  /** What each says to a row of the admin API. Throws where none of them answers. */
  async askRow(name: string, call: unknown, timeoutMs: number): Promise<readonly Told<unknown>[]> {
    const asked = this.#serving().map(async ({ worker, process: its }) => {
      return { worker, answer: await its.line.ask('row', { name, call }, timeoutMs) };
    });
    const settled = await Promise.allSettled(asked);
    const told = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const [refused] = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
    if (told.length > 0) return told;
    throw refused ?? fail('dependency_unavailable', 'no worker is there to answer', { retryAfterS: 1 });
  }

  async #renderMetrics(): Promise<string> {
    await Promise.all(
      this.#serving().map(async ({ worker, process: its }) => {
        try {
          const text = await its.line.ask('metrics', undefined, metricsMs);
          if (its.isServing) this.#metrics.heard(worker, text);
        } catch {
          // What it said last is counted: it is busy, or ends at this moment.
        }
      }),
    );
    return this.#metrics.render(this.#own() + this.#ownLines());
  }

  #ownLines(): string {
    const restarts = this.#seats.reduce((sum, seat) => sum + seat.restarts.count, 0);
    return (
      '# HELP millrace_workers Worker processes that take connections.\n# TYPE millrace_workers gauge\n' +
      `millrace_workers ${this.#serving().length}\n` +
      '# HELP millrace_worker_restarts_total Workers that ended and were started again.\n' +
      `# TYPE millrace_worker_restarts_total counter\nmillrace_worker_restarts_total ${restarts}\n` +
      '# HELP millrace_workers_hung_total Workers that were killed because their event loop did not turn.\n' +
      `# TYPE millrace_workers_hung_total counter\nmillrace_workers_hung_total ${this.#hung}\n`
    );
  }

  #serving(): readonly (Seat & { readonly process: WorkerProcess })[] {
    return this.#seats.filter(
      (seat): seat is Seat & { process: WorkerProcess } => seat.process?.isServing === true,
    );
  }

  async #start(seat: Seat): Promise<void> {
    const { clock, log, count, ownKeys } = this.#options;
    const its = new WorkerProcess({
      clock,
      answers: { metrics: () => this.#scrapes.text() },
      hungMs: this.#options.inForce.config.workers.hungMs,
      onHung: (silentMs) => {
        this.#hung += 1;
        const facts = { worker: seat.worker, pid: its.pid, silentMs: Math.round(silentMs) };
        log.error(facts, 'a worker has hung: it is killed, and another one started');
      },
    });
    seat.process = its;
    void its.ended.then((ended) => this.#bury(seat, ended));
    const given = {
      worker: seat.worker,
      workers: count,
      inForce: packConfig(this.#inForce),
      isSettled: this.#isSettled,
      ownKeys,
      // Where the primary listens, it knows by the port that was asked for which one it found.
      ports: sharesPort ? this.#ports : undefined,
      sharesPort,
    };
    try {
      this.#ports = await its.start(given);
    } catch (thrown) {
      its.kill();
      throw thrown;
    }
    log.info({ worker: seat.worker, pid: its.pid }, 'a worker serves');
    // What changed while it started was told to the others alone.
    if (given.inForce.id !== this.#inForce.id) await this.take(this.#inForce);
    if (this.#isSettled && !given.isSettled) this.settle();
  }

  /** What it left is for those who live: what it counted, and its part of the spool. */
  async #bury(seat: Seat, { how, servedMs }: Ended): Promise<void> {
    const { worker } = seat;
    const { log } = this.#options;
    const run = seat.process?.run;
    seat.process = undefined;
    this.#metrics.ended(worker);
    if (this.#isClosing) return;
    log.error({ worker, message: how, servedMs: Math.round(servedMs) }, 'a worker has ended');
    // Whoever waits for the first ones sees to those that ended meanwhile.
    if (this.#hasStarted) this.#startLater(seat, servedMs);
    if (run === undefined) return;
    try {
      // Nobody needs to wait until it is taken for dead: the next one takes what it left to the ledger.
      await new RunFolder(join(this.#inForce.config.data, 'spool')).end(run);
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      log.warn({ worker, message }, 'what a worker left for the ledger waits until it is taken for dead');
    }
  }

  #startLater(seat: Seat, servedMs: number): void {
    const { worker, restarts } = seat;
    const { clock, log } = this.#options;
    const pauseMs = restarts.after(servedMs);
    if (pauseMs === undefined) {
      log.error({ worker }, `a worker has ended ${restartsMax + 1} times in a row: the gateway stops`);
      this.#giveUp();
      return;
    }
    seat.timer = clock.after(pauseMs, () => {
      // That it could not begin is told by its end as well, which starts the next one.
      this.#start(seat).catch(({ message }: Error) => {
        if (!this.#isClosing) log.error({ worker, message }, 'a worker cannot start');
      });
    });
  }

  async #renewCertificates(): Promise<readonly string[]> {
    const asked = this.#serving().map(({ process: its }) => its.line.ask('certificates', undefined));
    const settled = await Promise.allSettled(asked);
    // All read the same files, and find the same.
    return [...new Set(settled.flatMap((each) => (each.status === 'fulfilled' ? each.value : [])))];
  }

  #wane(): void {
    this.#isWaning = true;
    this.#startNoMore();
    const preStopMs = this.#options.preStopOf(this.#inForce.config);
    for (const { process: its } of this.#seats) its?.drain(preStopMs);
  }

  async #close(graceMs: number): Promise<void> {
    this.#startNoMore();
    const { requestsMs, streamsMs } = this.#inForce.config.drain;
    // Who leaves already needs no telling, unless there is less time than it thinks.
    const leaves = this.#isWaning && graceMs >= Math.max(requestsMs, streamsMs);
    await Promise.all(
      this.#seats.map(({ process: its }) => (leaves ? its?.gone(graceMs) : its?.stop(graceMs))),
    );
  }

  #startNoMore(): void {
    this.#isClosing = true;
    for (const { timer } of this.#seats) timer?.cancel();
  }
}
