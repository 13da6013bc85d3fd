/**
 * Whether there is memory for more work (P5). Looked at on a timer, never by a request: what comes while there is none is
 * refused before its body is read, so that what is in flight ends and the kernel has no reason to end us.
 */
import { totalmem } from 'node:os';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { asFailure } from '../core/failure.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../telemetry/log.ts';
import { createContainerShare } from './container-memory.ts';

/** How much of what we may use is used, from 0 to 1. */
export interface MemoryUsed {
  readonly heap: number;
  readonly container: number;
}

export interface MemoryWatchOptions {
  readonly clock: Clock;
  readonly read?: () => MemoryUsed;
  readonly collect?: () => Promise<void>;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

const everyMs = 100;
/** From here on nothing new is taken; and below the second again. */
const share = { full: 0.85, roomy: 0.8 };
/** Much of it may be garbage that is about to be collected: it counts as full when it stays so. */
const looksToBeFull = 2;
/** A collection holds everybody up. */
const looksBetweenCollections = 20;

export class MemoryWatch {
  full = false;
  readonly #options: MemoryWatchOptions;
  readonly #read: () => MemoryUsed;
  #over = 0;
  #timer: Timer;

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
    this.#read = options.read ?? createReading();
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
    const { heap, container } = this.#read();
    const used = Math.max(heap, container);
    // V8 collects by what its heap may have, and of a container that has less it knows nothing.
    if (container >= share.full && this.#over % looksBetweenCollections === 0) {
      (this.#options.collect ?? collectGarbage)().catch((thrown: unknown) => {
        const { message } = asFailure(thrown);
        this.#options.log.warn({ message }, 'garbage could not be collected before its time');
      });
    }
    this.#over = used >= share.full ? this.#over + 1 : 0;
    const full = this.full ? used >= share.roomy : this.#over >= looksToBeFull;
    if (full === this.full) return;
    this.full = full;
    const { log } = this.#options;
    if (full) log.warn({ heap, container }, 'no memory for more: new requests are refused until there is');
    else log.info({ heap, container }, 'there is memory for new requests again');
  }
}

/** No port is opened by it, and it is loaded by those alone who have come to their limit. */
async function collectGarbage(): Promise<void> {
  const { Session } = await import('node:inspector/promises');
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.collectGarbage');
  } finally {
    session.disconnect();
  }
}

/** Bodies lie outside of the heap, and in the container. */
function createReading(): () => MemoryUsed {
  const containerShare = createContainerShare();
  return () => {
    const { heap_size_limit: limit, total_heap_size: had, used_heap_size: used } = getHeapStatistics();
    return { heap: oldBytes() / oldBytesMax(limit), container: containerShare(had - used) };
  };
}

const mib = 1024 * 1024;
/** V8 counts what is young in its limit, and ends the process when the rest is full. How much that is it takes from the memory there is. */
const young = { share: 3 / 128, bytesMin: 6 * mib, bytesMax: 96 * mib };

function oldBytesMax(limit: number): number {
  const machine = totalmem();
  const memory = Math.min(process.constrainedMemory() || machine, machine);
  const youngBytes = Math.min(Math.max(memory * young.share, young.bytesMin), young.bytesMax);
  return Math.max(limit - youngBytes, limit / 2);
}

function oldBytes(): number {
  let bytes = 0;
  for (const { space_name: name, space_used_size: used } of getHeapSpaceStatistics()) {
    if (!name.startsWith('new_')) bytes += used;
  }
  return bytes;
}
