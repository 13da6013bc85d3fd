// Everything that one load found out, in memory that does not grow with it.
import { Histogram } from './histogram.ts';
import type { ErrorKind } from './load-connection.ts';

export interface LoadResult {
  /** From the first request to the last byte that was waited for. */
  readonly elapsedMs: number;
  /** Requests that were due. */
  readonly intended: number;
  readonly completed: number;
  readonly failed: number;
  /** Due, yet neither completed nor failed when the load ended: their waiting is in no histogram. */
  readonly unfinished: number;
  readonly isAborted: boolean;
  readonly completedPerSecond: number;
  readonly bodyBytes: number;
  readonly reads: number;
  readonly events: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<ErrorKind, number>>;
  /** From the intended start to the last byte, of completed requests. */
  readonly total: Histogram;
  /** From the intended start to the first byte of the reply. */
  readonly firstByte: Histogram;
  /** From the intended start to the first event that carries content; streams only. */
  readonly firstContent: Histogram;
  /** Between two reads of one streamed body. */
  readonly gaps: Histogram;
  /** From the intended start to the write: the generator's own part of the waiting. */
  readonly lateness: Histogram;
}

export class LoadTally {
  completed = 0;
  failed = 0;
  bodyBytes = 0;
  reads = 0;
  events = 0;
  readonly statuses: Record<string, number> = {};
  readonly errors: Record<ErrorKind, number> = {
    connect: 0,
    reset: 0,
    timeout: 0,
    status: 0,
    malformed: 0,
    incomplete: 0,
  };
  readonly total = new Histogram();
  readonly firstByte = new Histogram();
  readonly firstContent = new Histogram();
  readonly gaps = new Histogram();
  readonly lateness = new Histogram();

  count(status: number, failure: ErrorKind | undefined): void {
    if (status !== 0) this.statuses[status] = (this.statuses[status] ?? 0) + 1;
    if (failure === undefined) {
      this.completed += 1;
    } else {
      this.failed += 1;
      this.errors[failure] += 1;
    }
  }

  result(run: { elapsedMs: number; intended: number; isAborted: boolean }): LoadResult {
    return {
      ...run,
      completed: this.completed,
      failed: this.failed,
      unfinished: run.intended - this.completed - this.failed,
      completedPerSecond: run.elapsedMs === 0 ? 0 : (this.completed / run.elapsedMs) * 1000,
      bodyBytes: this.bodyBytes,
      reads: this.reads,
      events: this.events,
      statuses: this.statuses,
      errors: this.errors,
      total: this.total,
      firstByte: this.firstByte,
      firstContent: this.firstContent,
      gaps: this.gaps,
      lateness: this.lateness,
    };
  }
}
