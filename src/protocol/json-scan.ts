/**
 * One pass over a JSON text before it is parsed: depth and node bounds, duplicate top-level keys, and where the
 * top-level values lie. It does not validate: `JSON.parse` runs on the same bytes directly afterwards.
 */
import type { Span } from '../core/call.ts';
import { fail } from '../core/failure.ts';

export interface ScanBounds {
  readonly depthMax: number;
  readonly nodesMax: number;
  /** Of fields, at any depth: to parse a value costs little, and a name that was not seen before a microsecond. */
  readonly namesMax: number;
  /** At the top, where each is looked at by itself. */
  readonly fieldsMax: number;
}

export const scanBounds: ScanBounds = { depthMax: 64, nodesMax: 200_000, namesMax: 50_000, fieldsMax: 1_000 };

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;
const colon = 0x3a;

export function scanJson(bytes: Buffer, limits: ScanBounds = scanBounds): Map<string, Span> {
  const scan = new Scan(bytes, limits);
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte === quote) at = scan.string(at);
    else if (byte === comma) scan.comma(at);
    else if (byte === colon) scan.colon(at);
    else if (byte === openBrace || byte === openBracket) scan.open();
    else if (byte === closeBrace || byte === closeBracket) scan.close(at);
  }
  return scan.spans;
}

class Scan {
  readonly spans = new Map<string, Span>();
  readonly #bytes: Buffer;
  readonly #limits: ScanBounds;
  #depth = 0;
  #nodes = 0;
  #names = 0;
  /** The top-level key whose value is being passed over. */
  #key: string | undefined;
  #valueStart = -1;

  constructor(bytes: Buffer, limits: ScanBounds) {
    this.#bytes = bytes;
    this.#limits = limits;
  }

  /** Returns where the string's closing quote stands. */
  string(at: number): number {
    const end = stringEnd(this.#bytes, at);
    if (this.#depth === 1 && this.#key === undefined) this.#key = keyText(this.#bytes, at, end);
    return end;
  }

  colon(at: number): void {
    this.#names += 1;
    if (this.#names > this.#limits.namesMax) {
      throw fail('invalid_json', `the body has more than ${this.#limits.namesMax} names of fields`);
    }
    if (this.#depth === 1) this.#valueStart = at + 1;
  }

  comma(at: number): void {
    this.#count();
    if (this.#depth === 1) this.#keep(at);
  }

  open(): void {
    this.#count();
    this.#depth += 1;
    if (this.#depth > this.#limits.depthMax) {
      throw fail('invalid_json', `the body is nested deeper than ${this.#limits.depthMax} levels`);
    }
  }

  close(at: number): void {
    if (this.#depth === 1) this.#keep(at);
    this.#depth -= 1;
  }

  #count(): void {
    this.#nodes += 1;
    if (this.#nodes > this.#limits.nodesMax) {
      throw fail('invalid_json', `the body has more than ${this.#limits.nodesMax} values`);
    }
  }

  #keep(end: number): void {
    const key = this.#key;
    if (key === undefined) return;
    if (this.spans.has(key)) {
      throw fail('invalid_request', `${key} stands twice in the body; servers disagree on which one counts`, {
        param: key,
      });
    }
    if (this.spans.size === this.#limits.fieldsMax) {
      throw fail('invalid_json', `the body has more than ${this.#limits.fieldsMax} fields`);
    }
    this.spans.set(key, trimmed(this.#bytes, this.#valueStart, end));
    this.#key = undefined;
  }
}

/** Short strings are walked; the search of the runtime is faster, but has a price per call. */
function stringEnd(bytes: Buffer, start: number): number {
  const walkEnd = Math.min(bytes.length, start + 48);
  for (let at = start + 1; at < walkEnd; at += 1) {
    const byte = bytes[at];
    if (byte === quote) return at;
    if (byte === backslash) at += 1;
  }
  return searchEnd(bytes, start);
}

function searchEnd(bytes: Buffer, start: number): number {
  let from = start + 1;
  for (;;) {
    const end = bytes.indexOf(quote, from);
    if (end === -1) return bytes.length;
    let slashes = 0;
    while (bytes[end - 1 - slashes] === backslash) slashes += 1;
    if (slashes % 2 === 0) return end;
    from = end + 1;
  }
}

/**
 * The few names that clients use are read again and again: one that was read before is known by its bytes, and made no
 * second time. Each has one place, which the next name that falls there takes over.
 */
const knownNames: string[] = Array.from({ length: 256 }, () => '');
const knownCharsMax = 64;

function keyText(bytes: Buffer, start: number, end: number): string {
  let hash = 0;
  for (let at = start + 1; at < end; at += 1) {
    const byte = bytes[at] as number;
    if (byte === backslash || byte >= 0x80) return unusualKey(bytes, start, end);
    hash = (hash * 31 + byte) & 0xff;
  }
  const known = knownNames[hash] as string;
  if (known.length === end - start - 1 && isAt(bytes, start + 1, known)) return known;
  const text = bytes.toString('latin1', start + 1, end);
  if (text.length <= knownCharsMax) knownNames[hash] = text;
  return text;
}

function isAt(bytes: Buffer, start: number, text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (bytes[start + at] !== text.charCodeAt(at)) return false;
  return true;
}

/** `"mod\u0065l"` is the key `model` too. */
function unusualKey(bytes: Buffer, start: number, end: number): string {
  const raw = bytes.toString('latin1', start + 1, end);
  if (!raw.includes('\\')) return bytes.toString('utf8', start + 1, end);
  try {
    return String(JSON.parse(bytes.toString('utf8', start, end + 1)));
  } catch {
    // Not a JSON string: the parser that follows says so with a better message.
    return raw;
  }
}

function trimmed(bytes: Buffer, from: number, to: number): Span {
  let start = from;
  let end = to;
  while (start < end && (bytes[start] as number) <= 0x20) start += 1;
  while (end > start && (bytes[end - 1] as number) <= 0x20) end -= 1;
  return { start, end };
}
