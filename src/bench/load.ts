// The load generator: constant arrivals that do not omit waiting, or as many requests as so many connections can carry.
import { performance } from 'node:perf_hooks';
import {
  createDestination,
  type Destination,
  type DestinationOptions,
  type RequestBody,
} from './destination.ts';
import { type ErrorKind, LoadConnection, type LoadObserver } from './load-connection.ts';
import { type LoadResult, LoadTally } from './load-tally.ts';
import type { StreamKind } from './stream-meter.ts';

/**
 * rate: open loop. A request is due every 1/perSecond, whatever became of the ones before; when all connections are
 * busy it waits here and its waiting counts, so a stall of the server is seen by every request that it delayed.
 * closed: each connection sends its next request when the last reply ended; shows throughput and hides waiting.
 */
export type Arrivals =
  | { readonly kind: 'rate'; readonly perSecond: number }
  | { readonly kind: 'closed'; readonly rampMs?: number };

export interface LoadOptions extends DestinationOptions {
  readonly body?: RequestBody | ((index: number) => RequestBody);
  readonly expect: StreamKind | 'whole';
  /** What the last event of a whole stream contains; `[DONE]` and `"done":true` unless given. */
  readonly endMarker?: string;
  readonly arrivals: Arrivals;
  /** In an open loop the most, in a closed loop all of them. */
  readonly connections: number;
  readonly durationMs: number;
  readonly requestsMax?: number;
  /** How long one reply may take. */
  readonly timeoutMs?: number;
  /** How long to wait for replies after the last request was due; until the last has timed out unless given. */
  readonly drainMs?: number;
  /** Times are recorded only from here on: a start is not the steady state. */
  readonly recordAfterMs?: number;
  /**
   * Where times count from. `sent` leaves the generator's timer out of them and with it all waiting for a connection:
   * only for comparing paths whose difference is smaller than a timer's millisecond.
   */
  readonly countFrom?: 'intended' | 'sent';
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

export interface LoadProgress {
  readonly elapsedMs: number;
  readonly intended: number;
  readonly completed: number;
  readonly failed: number;
}

const timeoutMsDefault = 60_000;
const progressEveryMs = 1_000;
/** A connection that answered nothing is not replaced in the same breath. */
const reconnectPauseMs = 10;

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  refuseNonsense(options);
  return await new Promise((resolve) => new LoadRun(options, resolve).start());
}

class LoadRun implements LoadObserver {
  readonly #options: LoadOptions;
  readonly #resolve: (result: LoadResult) => void;
  readonly #destination: Destination;
  readonly #requestAt: (index: number) => Buffer;
  readonly #timeoutMs: number;
  readonly #tally = new LoadTally();
  readonly #open = new Set<LoadConnection>();
  readonly #idle: LoadConnection[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #abort = () => this.#finish(true);
  #startedAt = 0;
  #recordFrom = 0;
  /** Requests that were due so far; those from `#sent` to it wait for a connection. */
  #due = 0;
  #sent = 0;
  #isIssuing = true;
  #isFinished = false;

  constructor(options: LoadOptions, resolve: (result: LoadResult) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#destination = createDestination(options);
    this.#timeoutMs = options.timeoutMs ?? timeoutMsDefault;
    this.#requestAt = requestsOf(this.#destination, options.body);
  }

  start(): void {
    const { signal, durationMs, recordAfterMs = 0, onProgress, arrivals } = this.#options;
    this.#startedAt = performance.now();
    this.#recordFrom = this.#startedAt + recordAfterMs;
    if (signal?.aborted === true) {
      this.#finish(true);
      return;
    }
    signal?.addEventListener('abort', this.#abort, { once: true });
    this.#after(durationMs, () => this.#endOfTime());
    this.#every(this.#expireEveryMs, () => this.#expire());
    if (onProgress !== undefined) this.#every(progressEveryMs, () => onProgress(this.#progress()));
    if (arrivals.kind === 'rate') this.#arrive();
    else this.#openLoop(arrivals.rampMs ?? 0);
  }

  sent(connection: LoadConnection): void {
    if (this.#options.arrivals.kind === 'closed' || this.#options.countFrom === 'sent') {
      connection.intendedAt = connection.sentAt;
    }
    if (this.#isRecorded(connection.sentAt)) {
      this.#tally.lateness.record((connection.sentAt - connection.intendedAt) * 1000);
    }
  }

  arrived(bytes: number, gapMs: number): void {
    this.#tally.bodyBytes += bytes;
    this.#tally.reads += 1;
    if (gapMs > 0 && this.#isRecorded(performance.now())) this.#tally.gaps.record(gapMs * 1000);
  }

  settled(connection: LoadConnection, failure: ErrorKind | undefined): void {
    this.#tally.count(connection.status, failure);
    this.#tally.events += connection.events;
    if (failure === undefined) this.#recordTimes(connection);
    if (connection.isUsable) {
      this.#idle.push(connection);
      this.#next();
    }
    if (!this.#isIssuing && this.#pending === 0) this.#finish(false);
  }

  closed(connection: LoadConnection): void {
    if (this.#isFinished) return;
    this.#open.delete(connection);
    const place = this.#idle.indexOf(connection);
    if (place !== -1) this.#idle.splice(place, 1);
    const hasAnswered = connection.status !== 0;
    if (this.#options.arrivals.kind === 'rate') this.#pump();
    else if (hasAnswered) this.#next();
    else this.#after(reconnectPauseMs, () => this.#next());
  }

  get #pending(): number {
    return this.#due - this.#tally.completed - this.#tally.failed;
  }

  get #expireEveryMs(): number {
    return Math.max(1, Math.min(100, this.#timeoutMs / 4));
  }

  get #requestsMax(): number {
    return this.#options.requestsMax ?? Number.POSITIVE_INFINITY;
  }

  #openLoop(rampMs: number): void {
    const { connections } = this.#options;
    if (rampMs === 0) {
      for (let opened = 0; opened < connections; opened += 1) this.#next();
      return;
    }
    let opened = 0;
    const timer = this.#every(1, () => {
      const wanted = Math.min(connections, ((performance.now() - this.#startedAt) / rampMs) * connections);
      for (; opened < wanted; opened += 1) this.#next();
      if (opened >= connections) clearInterval(timer);
    });
  }

  /** A connection is free or a place for one is. */
  #next(): void {
    if (this.#options.arrivals.kind === 'closed') {
      if (!this.#isIssuing) return;
      this.#due += 1;
      if (this.#due >= this.#requestsMax) this.#stopIssuing();
    }
    this.#pump();
  }

  /** Notes what is due by now, then waits for the next one. */
  #arrive(): void {
    if (!this.#isIssuing) return;
    const passedMs = this.#noteDue();
    this.#pump();
    if (this.#due >= this.#requestsMax) this.#stopIssuing();
    else this.#after(this.#due * this.#periodMs - passedMs, () => this.#arrive());
  }

  /** What became due while this process itself stood still is due all the same, at the very end too. */
  #endOfTime(): void {
    if (this.#isIssuing && this.#options.arrivals.kind === 'rate') {
      this.#noteDue();
      this.#pump();
    }
    this.#stopIssuing();
  }

  #noteDue(): number {
    const passedMs = performance.now() - this.#startedAt;
    const inTime = Math.ceil(this.#options.durationMs / this.#periodMs);
    const byNow = Math.floor(passedMs / this.#periodMs) + 1;
    this.#due = Math.min(byNow, inTime, this.#requestsMax);
    return passedMs;
  }

  get #periodMs(): number {
    const { arrivals } = this.#options;
    return arrivals.kind === 'rate' ? 1000 / arrivals.perSecond : 0;
  }

  #pump(): void {
    while (this.#sent < this.#due) {
      const connection = this.#takeIdle() ?? this.#openOne();
      if (connection === undefined) return;
      const index = this.#sent;
      this.#sent += 1;
      connection.send(this.#requestAt(index), this.#startedAt + index * this.#periodMs);
    }
  }

  #takeIdle(): LoadConnection | undefined {
    let connection = this.#idle.pop();
    while (connection !== undefined && !connection.isUsable) connection = this.#idle.pop();
    return connection;
  }

  #openOne(): LoadConnection | undefined {
    if (this.#open.size >= this.#options.connections) return undefined;
    const { expect, endMarker } = this.#options;
    const connection = new LoadConnection({
      destination: this.#destination,
      expect,
      observer: this,
      ...(endMarker === undefined ? {} : { endMarker }),
    });
    this.#open.add(connection);
    return connection;
  }

  #recordTimes(connection: LoadConnection): void {
    const { intendedAt, firstByteAt, firstContentAt } = connection;
    if (!this.#isRecorded(intendedAt)) return;
    this.#tally.total.record((performance.now() - intendedAt) * 1000);
    this.#tally.firstByte.record((firstByteAt - intendedAt) * 1000);
    if (firstContentAt > 0) this.#tally.firstContent.record((firstContentAt - intendedAt) * 1000);
  }

  #isRecorded(atMs: number): boolean {
    return atMs >= this.#recordFrom;
  }

  #expire(): void {
    const oldest = performance.now() - this.#timeoutMs;
    for (const connection of this.#open) {
      if (connection.isBusy && connection.assignedAt < oldest) connection.fail('timeout');
    }
  }

  #stopIssuing(): void {
    if (!this.#isIssuing) return;
    this.#isIssuing = false;
    if (this.#pending === 0) this.#finish(false);
    else
      this.#after(this.#options.drainMs ?? this.#timeoutMs + 2 * this.#expireEveryMs, () =>
        this.#finish(false),
      );
  }

  #finish(isAborted: boolean): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#isIssuing = false;
    this.#options.signal?.removeEventListener('abort', this.#abort);
    for (const timer of this.#timers) clearTimeout(timer);
    const elapsedMs = performance.now() - this.#startedAt;
    for (const connection of this.#open) {
      if (connection.isBusy) this.#tally.events += connection.events;
      connection.destroy();
    }
    this.#resolve(this.#tally.result({ elapsedMs, intended: this.#due, isAborted }));
  }

  #progress(): LoadProgress {
    const { completed, failed } = this.#tally;
    return { elapsedMs: performance.now() - this.#startedAt, intended: this.#due, completed, failed };
  }

  #after(delayMs: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, delayMs);
    this.#timers.add(timer);
  }

  #every(periodMs: number, act: () => void): NodeJS.Timeout {
    const timer = setInterval(act, periodMs);
    this.#timers.add(timer);
    return timer;
  }
}

function requestsOf(destination: Destination, body: LoadOptions['body']): (index: number) => Buffer {
  if (typeof body === 'function') return (index) => destination.request(body(index));
  const request = destination.request(body);
  return () => request;
}

function refuseNonsense(options: LoadOptions): void {
  const { arrivals, connections, durationMs, requestsMax = 1, timeoutMs = 1 } = options;
  const quantities = { connections, durationMs, requestsMax, timeoutMs };
  const rate = arrivals.kind === 'rate' ? { perSecond: arrivals.perSecond } : {};
  for (const [name, value] of Object.entries({ ...quantities, ...rate })) {
    if (!(value > 0 && value < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`${name} must be a positive number, not ${value}`);
    }
  }
}
