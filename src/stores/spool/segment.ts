/** One file of the spool: lines at its end, in the file when `write` returns. Only whole lines count as written. */
import { closeSync, fsync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { LineSeal } from './sealed-lines.ts';

const syncFile = promisify(fsync);
const gone = -1;

export class Segment {
  readonly path: string;
  /** What was written so far, whole lines and what broke off alike: who reads may read up to here. */
  bytes = 0;
  /** Nothing more is written to it. */
  closed = false;
  #fd: number;
  /** Under way. */
  #syncs = 0;
  #leaving = false;
  /** A write broke off within a line: the next one begins on a line of its own. */
  #torn = false;
  readonly #seal: LineSeal | undefined;
  /** Whether the key that the lines are sealed with is in the file. */
  #headed = false;

  constructor(path: string, seal: LineSeal | undefined) {
    this.path = path;
    this.#seal = seal;
    this.#fd = openSync(path, 'ax', 0o600);
  }

  /**
   * Blocks for as long as the kernel takes to copy: some microseconds, as in every database that appends to a log.
   * Throws when the disk takes no more.
   */
  write(lines: Uint8Array): void {
    this.#append(this.#seal === undefined ? lines : this.#sealed(lines, this.#seal));
    this.#headed = true;
  }

  #sealed(lines: Uint8Array, seal: LineSeal): Uint8Array {
    const sealed = seal.seal(lines);
    return this.#headed ? sealed : Buffer.concat([Buffer.from(seal.head), sealed]);
  }

  #append(lines: Uint8Array): void {
    if (this.#torn) this.bytes += writeSync(this.#fd, '\n');
    this.#torn = false;
    for (let from = 0; from < lines.length; ) {
      try {
        from += writeSync(this.#fd, lines, from);
      } catch (thrown) {
        if (from > 0) this.#takeBack(from);
        throw thrown;
      }
    }
    this.bytes += lines.length;
  }

  /** What is said not to be kept is not in the file: an intent that is, without its end, would count as spent. */
  #takeBack(broken: number): void {
    try {
      ftruncateSync(this.#fd, this.bytes);
    } catch {
      this.#torn = true;
      this.bytes += broken;
    }
  }

  /** On the disk itself: what was written before survives a loss of power. */
  async sync(): Promise<void> {
    if (this.#fd === gone) return;
    this.#syncs += 1;
    try {
      await syncFile(this.#fd);
    } finally {
      this.#syncs -= 1;
      if (this.#leaving) this.#closeFile();
    }
  }

  /** At once, or when it is on the disk: a number that is free may be another file's by then. */
  close(): void {
    this.closed = true;
    this.#leaving = true;
    this.#seal?.rest();
    this.#closeFile();
  }

  #closeFile(): void {
    if (this.#fd === gone || this.#syncs > 0) return;
    closeSync(this.#fd);
    this.#fd = gone;
  }
}
