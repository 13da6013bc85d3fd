/** One server's end of a blob that goes to several: takes pieces at its own pace, and tells how it ended. */
import type { Upstream } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Flow, Receiver } from '../core/transport.ts';
import { withoutSecrets } from '../core/without-secrets.ts';
import type { Clock, Timer } from '../lib/clock.ts';

/** A server that takes nothing for this long, or does not answer after the last piece, is given up. */
const blobIdleMs = 5 * 60_000;
const refusalBytesMax = 64 * 1024;

interface Reader {
  readonly resolve: (result: IteratorResult<Uint8Array, undefined>) => void;
  readonly reject: (failure: Failure) => void;
}

export class BlobBranch implements Receiver {
  readonly upstream: Upstream;
  /** Resolves with the failure, or with nothing once the server has said that it keeps the blob. */
  readonly settled: Promise<Failure | undefined>;
  readonly #clock: Clock;
  #settle: (failure: Failure | undefined) => void = () => {};
  #flow: Flow | undefined;
  #timer: Timer | undefined;
  #reader: Reader | undefined;
  #piece: { readonly bytes: Uint8Array; readonly taken: () => void } | undefined;
  #ended = false;
  #failure: Failure | undefined;
  #over = false;
  #status = 0;
  #said = '';

  constructor(upstream: Upstream, clock: Clock) {
    this.upstream = upstream;
    this.#clock = clock;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  begin(digest: string): void {
    const pieces = { [Symbol.asyncIterator]: () => ({ next: () => this.#next() }) };
    this.#flow = this.upstream.transport.send(
      {
        method: 'POST',
        path: `/api/blobs/${digest}`,
        headers: ['content-type', 'application/octet-stream'],
        bodyStream: pieces,
      },
      this,
    );
    if (this.#over) this.#flow.abort();
  }

  /** Resolves when the server has taken the piece, or takes nothing any more. */
  offer(bytes: Uint8Array): Promise<void> {
    if (this.#over) return Promise.resolve();
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader !== undefined) {
      reader.resolve({ value: bytes, done: false });
      return Promise.resolve();
    }
    this.#watch();
    return new Promise((taken) => {
      this.#piece = { bytes, taken };
    });
  }

  /** The blob is all here: only now may the server take it for complete. */
  finish(): void {
    if (this.#over) return;
    this.#ended = true;
    this.#reader?.resolve({ value: undefined, done: true });
    this.#reader = undefined;
    this.#watch();
  }

  /** Breaks off in the middle, so that no server keeps half a blob. */
  abort(failure: Failure): void {
    if (this.#over) return;
    this.#conclude(failure);
    this.#flow?.abort();
  }

  sent(): void {}

  head(status: number): void {
    this.#status = status;
  }

  data(chunk: Uint8Array): void {
    if (this.#said.length < refusalBytesMax) this.#said += Buffer.from(chunk).toString('utf8');
  }

  end(): void {
    const keeps = this.#status === 200 || this.#status === 201;
    this.#conclude(keeps ? undefined : this.#refusal());
  }

  fail(failure: Failure): void {
    this.#conclude(failure);
  }

  #refusal(): Failure {
    return withoutSecrets(this.upstream, this.upstream.adapter.decodeFailure(this.#status, this.#said));
  }

  #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const piece = this.#piece;
    if (piece !== undefined) {
      this.#piece = undefined;
      this.#timer?.cancel();
      piece.taken();
      return Promise.resolve({ value: piece.bytes, done: false });
    }
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    if (this.#over) return Promise.reject(this.#failure ?? answeredEarly());
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  #watch(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(blobIdleMs, () =>
      this.abort(fail('idle_timeout', `the upstream took nothing for ${blobIdleMs / 1000} s`)),
    );
  }

  #conclude(failure: Failure | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure = failure;
    this.#timer?.cancel();
    this.#piece?.taken();
    this.#piece = undefined;
    this.#reader?.reject(failure ?? answeredEarly());
    this.#reader = undefined;
    this.#settle(failure);
  }
}

function answeredEarly(): Failure {
  return fail('upstream_cut', 'the upstream answered before it had the whole blob');
}
