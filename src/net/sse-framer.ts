/**
 * Cuts a byte stream into server-sent events without decoding them. Lines may end in LF or CRLF, pieces may break
 * anywhere. A lone CR as line end is legal and unknown among model servers: it is taken as part of the line.
 */
import type { Frame } from '../core/adapter.ts';
import { Tail } from './tail.ts';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

export class SseFramer {
  readonly #tail: Tail;
  /** Where the current line began, counted from the start of the unfinished event. */
  #lineStart = 0;

  constructor(eventBytesMax: number) {
    this.#tail = new Tail(eventBytesMax);
  }

  /** Calls `take` with each finished event, its blank line included. */
  push(chunk: Buffer, take: (event: Buffer) => void): void {
    const from = this.#tail.length;
    const bytes = this.#tail.join(chunk);
    let eventStart = 0;
    let lineStart = this.#lineStart;
    let end = bytes.indexOf(lineFeed, from);
    while (end !== -1) {
      const blank = end === lineStart || (end === lineStart + 1 && bytes[lineStart] === carriageReturn);
      if (blank) {
        take(bytes.subarray(eventStart, end + 1));
        eventStart = end + 1;
      }
      lineStart = end + 1;
      end = bytes.indexOf(lineFeed, lineStart);
    }
    this.#lineStart = lineStart - eventStart;
    this.#tail.keep(bytes, eventStart);
  }

  /** What stands behind the last finished event: a cut stream when it is not empty. */
  get pending(): number {
    return this.#tail.length;
  }
}

/** The fields of one event that model servers use. Comments and unknown fields are dropped. */
export function parseSse(event: Buffer): Frame {
  let name = '';
  let data: string | undefined;
  const text = event.toString('utf8');
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (at < text.length) {
    const feed = text.indexOf('\n', at);
    const end = feed === -1 ? text.length : feed;
    if (text.startsWith('data:', at)) {
      const value = fieldValue(text, at + 5, end);
      data = data === undefined ? value : `${data}\n${value}`;
    } else if (text.startsWith('event:', at)) {
      name = fieldValue(text, at + 6, end);
    }
    at = end + 1;
  }
  return { event: name, data: data ?? '' };
}

function fieldValue(text: string, from: number, to: number): string {
  const start = text.charCodeAt(from) === 0x20 ? from + 1 : from;
  return text.slice(start, text.charCodeAt(to - 1) === carriageReturn ? to - 1 : to);
}
