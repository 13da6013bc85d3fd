/** A blob as it comes from the client, watched: a client that stops sending is not waited for without end. */
import { type Failure, fail } from '../core/failure.ts';
import type { Clock } from '../lib/clock.ts';

/** A client that sends nothing for this long has stopped. */
const clientIdleMs = 60_000;

type Piece = IteratorResult<Uint8Array, unknown>;

export class BlobPieces implements AsyncIterable<Uint8Array> {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #clock: Clock;
  #end: () => void = () => {};
  #stopped = false;

  constructor(pieces: AsyncIterable<Uint8Array>, clock: Clock) {
    this.#pieces = pieces[Symbol.asyncIterator]();
    this.#clock = clock;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Ends them at once, since nobody takes them any more. */
  stop(): void {
    this.#stopped = true;
    this.#end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    let waiting = false;
    try {
      while (!this.#stopped) {
        waiting = true;
        const { value, done } = await this.#next();
        if (this.#stopped || done === true) return;
        waiting = false;
        yield value;
      }
    } finally {
      // Asked to return while it still waits for the client, it would make our answer wait as well.
      if (!waiting) await this.#pieces.return?.();
    }
  }

  #next(): Promise<Piece> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(clientIdleMs, () => reject(idle()));
      this.#end = () => {
        timer.cancel();
        resolve({ value: undefined, done: true });
      };
      this.#pieces
        .next()
        .then(resolve, reject)
        .finally(() => timer.cancel());
    });
  }
}

function idle(): Failure {
  return fail('request_timeout', `nothing of the blob came for ${clientIdleMs / 1000} s`);
}
