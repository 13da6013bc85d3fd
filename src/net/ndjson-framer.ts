/** Cuts a byte stream into lines without decoding them. A line without its line feed counts once the stream has ended. */
import type { Frame } from '../core/adapter.ts';
import { Tail } from './tail.ts';

const lineFeed = 0x0a;

export class NdjsonFramer {
  readonly #tail: Tail;

  constructor(lineBytesMax: number) {
    this.#tail = new Tail(lineBytesMax);
  }

  /** Calls `take` with each finished line, its line feed included. */
  push(chunk: Buffer, take: (line: Buffer) => void): void {
    const from = this.#tail.length;
    const bytes = this.#tail.join(chunk);
    let lineStart = 0;
    let end = bytes.indexOf(lineFeed, from);
    while (end !== -1) {
      take(bytes.subarray(lineStart, end + 1));
      lineStart = end + 1;
      end = bytes.indexOf(lineFeed, lineStart);
    }
    this.#tail.keep(bytes, lineStart);
  }

  get pending(): number {
    return this.#tail.length;
  }
}

export function parseLine(line: Buffer): Frame {
  return { event: '', data: line.toString('utf8').trim() };
}
