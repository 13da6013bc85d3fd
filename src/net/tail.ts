/**
 * The unfinished end of a framed stream, kept until the rest arrives. Grows by doubling, so that an event that
 * arrives byte by byte costs its length and not its square.
 */
import { fail } from '../core/failure.ts';

const empty: Buffer = Buffer.alloc(0);

export class Tail {
  readonly #bytesMax: number;
  #buffer: Buffer = empty;
  length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The tail and the chunk as one; the chunk itself when there is no tail. */
  join(chunk: Buffer): Buffer {
    if (this.length === 0) return chunk;
    const length = this.length + chunk.length;
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, this.length);
      this.#buffer = grown;
    }
    chunk.copy(this.#buffer, this.length);
    return this.#buffer.subarray(0, length);
  }

  /** Keeps what of `bytes` lies behind the last finished frame. */
  keep(bytes: Buffer, from: number): void {
    const length = bytes.length - from;
    if (length > this.#bytesMax) {
      throw fail('bad_upstream_response', `the upstream sent one event of more than ${this.#bytesMax} bytes`);
    }
    if (length === 0) {
      this.length = 0;
      this.#buffer = empty;
      return;
    }
    const ownBytes = bytes.buffer === this.#buffer.buffer && bytes.byteOffset === this.#buffer.byteOffset;
    if (!(ownBytes && from === 0)) {
      // Frames already handed out may point into the old buffer, so it is never overwritten.
      const kept = Buffer.allocUnsafeSlow(Math.max(256, length * 2));
      bytes.copy(kept, 0, from);
      this.#buffer = kept;
    }
    this.length = length;
  }
}
