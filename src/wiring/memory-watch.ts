/**
 * Whether there is memory for more work (P5). Looked at on a timer, never by a request: what comes while there is none is
 * refused before its body is read, so that what is in flight ends and the kernel has no reason to end us.
 */
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../telemetry/log.ts';

export interface MemoryWatchOptions {
  readonly clock: Clock;
  /** How much of what we may use is used, from 0 to 1. */
  readonly read?: () => number;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

const everyMs = 100;
/** From here on nothing new is taken; and below the second again. */
const share = { full: 0.85, roomy: 0.8 };
/** Much of it may be garbage that is about to be collected: it counts as full when it stays so. */
const looksToBeFull = 2;

export class MemoryWatch {
  full = false;
  readonly #options: MemoryWatchOptions;
  readonly #read: () => number;
  #over = 0;
  #timer: Timer;

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
    this.#read = options.read ?? usedShare;
    this.#timer = this.#lookLater();
  }

  close(): void {
    this.#timer.cancel();
  }

  #lookLater(): Timer {
    return this.#options.clock.after(everyMs, () => {
      this.#timer = this.#lookLater();
      this.#look();
    });
  }

  #look(): void {
    const used = this.#read();
    this.#over = used >= share.full ? this.#over + 1 : 0;
    const full = this.full ? used >= share.roomy : this.#over >= looksToBeFull;
    if (full === this.full) return;
    this.full = full;
    const { log } = this.#options;
    if (full) log.warn({ used }, 'no memory for more: new requests are refused until there is');
    else log.info({ used }, 'there is memory for new requests again');
  }
}

const youngMiB = 96;
/** V8 counts what is young in its limit, by this much unless told otherwise; and ends the process when the rest is full. */
const youngBytes = youngMiB * 1024 * 1024;

/** Of the heap's own limit, or of the container's, whichever is nearer. Bodies lie outside of the heap. */
function usedShare(): number {
  const { heap_size_limit: limit, used_heap_size: heap, external_memory: outside } = getHeapStatistics();
  const oldMax = Math.max(limit - youngBytes, limit / 2);
  const container = process.constrainedMemory();
  return Math.max(oldBytes() / oldMax, container > 0 ? (heap + outside) / container : 0);
}

function oldBytes(): number {
  let bytes = 0;
  for (const { space_name: name, space_used_size: used } of getHeapSpaceStatistics()) {
    if (!name.startsWith('new_')) bytes += used;
  }
  return bytes;
}
