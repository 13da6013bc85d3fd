/** The gateway's end of one thread that holds the database. When the thread ends, so does the link, for good. */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../lib/clock.ts';
import { unavailable } from '../sql/outage.ts';
import { sqliteFailure } from './sqlite-failure.ts';
import {
  closeRequest,
  type DatabaseFile,
  type StatementReply,
  type StatementRequest,
  type StatementResult,
} from './statement.ts';

interface Waiting {
  readonly sql: string;
  readonly resolve: (result: StatementResult) => void;
  readonly reject: (reason: Error) => void;
}

/** A report may run when we stop; it changes nothing, and need not be waited for. */
const closeTimeoutMs = 5_000;

export class ThreadLink {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #ended: Error | undefined;

  constructor(workerData: DatabaseFile) {
    this.#worker = new Worker(new URL('./database-thread.ts', import.meta.url), { workerData });
    this.#worker.on('message', (reply: StatementReply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#end(error));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#exited = promise;
    this.#worker.on('exit', (code) => {
      this.#end(new Error(`its thread ended with ${code}`));
      resolve();
    });
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  execute(sql: string, parameters: StatementRequest['parameters']): Promise<StatementResult> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const { promise, resolve, reject } = Promise.withResolvers<StatementResult>();
    this.#lastId += 1;
    const request: StatementRequest = { id: this.#lastId, sql, parameters };
    this.#worker.postMessage(request);
    this.#waiting.set(request.id, { sql, resolve, reject });
    return promise;
  }

  async close(clock: Clock): Promise<void> {
    if (this.#ended === undefined) this.#worker.postMessage(closeRequest);
    const timer = clock.after(closeTimeoutMs, () => void this.#worker.terminate());
    await this.#exited;
    timer.cancel();
  }

  #settle(reply: StatementReply): void {
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined) return;
    this.#waiting.delete(reply.id);
    if ('result' in reply) waiting.resolve(reply.result);
    else waiting.reject(sqliteFailure(reply.fault, waiting.sql));
  }

  #end(reason: unknown): void {
    if (this.#ended !== undefined) return;
    const said = reason instanceof Error ? reason.message : String(reason);
    const failure = unavailable(`the embedded database stopped: ${said}`, reason);
    this.#ended = failure;
    for (const { reject } of this.#waiting.values()) reject(failure);
    this.#waiting.clear();
  }
}
