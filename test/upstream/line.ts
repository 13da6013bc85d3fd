import type { Socket } from 'node:net';

/** What a line does to the bytes on it; asked anew for every piece. */
export interface LineConditions {
  readonly isFrozen: boolean;
  readonly drawDelayMs: () => number;
  readonly bytesPerSecond: number;
  readonly cutAfterBytes: number;
}

/** One direction of one connection: bytes go in at one socket and come out of the other, later. */
export class Line {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #conditions: () => LineConditions;
  readonly #cut: () => void;
  readonly #queue: { readonly bytes: Buffer; readonly dueAt: number }[] = [];
  #queuedBytes = 0;
  #passedBytes = 0;
  #lastDueAt = 0;
  /** When the rate allows the next piece. */
  #freeAt = 0;
  #hasEnded = false;
  #isBlocked = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(ends: { from: Socket; to: Socket }, conditions: () => LineConditions, cut: () => void) {
    this.#from = ends.from;
    this.#to = ends.to;
    this.#conditions = conditions;
    this.#cut = cut;
    this.#from.on('data', (bytes: Buffer) => this.#arrive(bytes));
    this.#from.on('end', () => {
      this.#hasEnded = true;
      this.#pump();
    });
    this.#to.on('drain', () => {
      this.#isBlocked = false;
      this.#pump();
    });
    this.#to.on('close', () => clearTimeout(this.#timer));
    this.refresh();
  }

  /** Looks at the conditions again, since they have changed. */
  refresh(): void {
    if (this.#conditions().isFrozen || this.#queuedBytes >= queuedBytesMax) this.#from.pause();
    else this.#from.resume();
    this.#pump();
  }

  #arrive(bytes: Buffer): void {
    this.#lastDueAt = Math.max(this.#lastDueAt, performance.now() + this.#conditions().drawDelayMs());
    this.#queue.push({ bytes, dueAt: this.#lastDueAt });
    this.#queuedBytes += bytes.length;
    this.refresh();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    while (!this.#isBlocked && !this.#to.destroyed && !this.#conditions().isFrozen) {
      const next = this.#queue[0];
      if (next === undefined) {
        if (this.#hasEnded) this.#to.end();
        return;
      }
      const leftMs = Math.max(next.dueAt, this.#freeAt) - performance.now();
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#pump(), leftMs);
        return;
      }
      this.#pass(next);
    }
  }

  #pass({ bytes, dueAt }: { readonly bytes: Buffer; readonly dueAt: number }): void {
    const { bytesPerSecond, cutAfterBytes } = this.#conditions();
    const size = Math.min(bytes.length, Math.max(1, Math.floor(bytesPerSecond * pieceS)));
    const left = Math.max(0, cutAfterBytes - this.#passedBytes);
    const piece = bytes.subarray(0, Math.min(size, left));
    if (size < bytes.length) this.#queue[0] = { bytes: bytes.subarray(size), dueAt };
    else this.#queue.shift();
    this.#queuedBytes -= size;
    this.#passedBytes += piece.length;
    this.#freeAt = Math.max(this.#freeAt, dueAt) + (size / bytesPerSecond) * 1000;
    if (size >= left) {
      this.#isBlocked = true;
      this.#to.write(piece, () => this.#cut());
      return;
    }
    this.#isBlocked = !this.#to.write(piece);
    if (this.#from.isPaused() && this.#queuedBytes < queuedBytesMax) this.#from.resume();
  }
}

/** What one direction holds back at most; more delay than this much data fills looks like a slower line. */
const queuedBytesMax = 1024 * 1024;

/** A slow line hands on what it carries in this much time. */
const pieceS = 0.01;
