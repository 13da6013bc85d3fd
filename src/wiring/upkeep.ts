/** What has to be done again and again in the background, and not at all where there is nothing to do. */
import type { Clock, Timer } from '../lib/clock.ts';
import { isOutage } from '../stores/sql/outage.ts';
import type { Log } from '../telemetry/log.ts';

export interface Task {
  /** For the log: what cannot be done. */
  readonly name: string;
  readonly everyMs: number;
  /** Resolves to whether there is anything to come back for. */
  run(): Promise<boolean>;
}

export interface UpkeepOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Whether nobody else has the database: then what is to be done is known here, and it may be left closed. */
  readonly alone: boolean;
}

export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #tasks: readonly Task[];
  readonly #timers = new Map<Task, Timer>();
  readonly #running = new Map<Task, Promise<void>>();
  #closed = false;

  constructor(options: UpkeepOptions, tasks: readonly Task[]) {
    this.#options = options;
    this.#tasks = tasks;
  }

  /** There may be something to do: each task comes after its time, those that wait already stay where they are. */
  wake(): void {
    for (const task of this.#tasks) {
      if (!this.#timers.has(task) && !this.#running.has(task)) this.#runLater(task);
    }
  }

  /** What is in the middle of something ends first. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    await Promise.all(this.#running.values());
  }

  /** A quarter more or less: gateways that started together do not do it together. */
  #runLater(task: Task): void {
    if (this.#closed) return;
    const ms = task.everyMs * (0.75 + Math.random() / 2);
    const timer = this.#options.clock.after(ms, () => {
      this.#timers.delete(task);
      const running = this.#run(task).finally(() => {
        this.#running.delete(task);
      });
      this.#running.set(task, running);
    });
    this.#timers.set(task, timer);
  }

  async #run(task: Task): Promise<void> {
    let again = true;
    try {
      again = await task.run();
    } catch (thrown) {
      // Of an outage the store itself tells.
      if (!isOutage(thrown)) {
        const message = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
        this.#options.log.error({ message }, `${task.name} in the background failed; it is tried again`);
      }
    }
    if (again || !this.#options.alone) this.#runLater(task);
  }
}
