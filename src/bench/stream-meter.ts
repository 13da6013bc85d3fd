// Measures a streamed reply without parsing it: how many events, when the first content, whether the end marker came.

export type StreamKind = 'sse' | 'ndjson';

/** What the last event of a whole stream contains, unless the caller names another. */
const endMarkers: Record<StreamKind, string> = { sse: '[DONE]', ndjson: '"done":true' };

/** A non-empty text, reasoning or token in any of the dialects that we speak; roles and empty deltas are no content. */
const content =
  /"(?:content|text|response|token|delta|thinking|reasoning|reasoning_content|partial_json|arguments)": ?"[^"]/;

/** An unfinished line is kept up to here; of a longer one only the end is looked at. */
const lineBytesMax = 1_048_576;
const newline = 10;
const nothing = Buffer.alloc(0);

export class StreamMeter {
  readonly #kind: StreamKind;
  readonly #endMarker: string;
  #rest: Buffer = nothing;
  #last: Buffer = nothing;
  #events = 0;
  #hasContent = false;

  constructor(kind: StreamKind, endMarker: string = endMarkers[kind]) {
    this.#kind = kind;
    this.#endMarker = endMarker;
  }

  /** Events of this reply so far, the closing ones included; SSE comments are not events. */
  get events(): number {
    return this.#events;
  }

  get hasContent(): boolean {
    return this.#hasContent;
  }

  /** Whether the protocol's own end arrived, which the end of the body does not prove. */
  get isComplete(): boolean {
    return this.#last.includes(this.#endMarker) || this.#rest.includes(this.#endMarker);
  }

  begin(): void {
    this.#rest = nothing;
    this.#last = nothing;
    this.#events = 0;
    this.#hasContent = false;
  }

  push(bytes: Buffer): void {
    const lines = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let start = 0;
    let lastStart = -1;
    let lastEnd = -1;
    for (let end = lines.indexOf(newline); end !== -1; end = lines.indexOf(newline, start)) {
      if (this.#isEvent(lines, start, end)) {
        lastStart = start;
        lastEnd = end;
        this.#count(lines, start, end);
      }
      start = end + 1;
    }
    // Copies, because the caller may read the next bytes into the same memory.
    if (lastStart !== -1) this.#last = Buffer.from(lines.subarray(lastStart, lastEnd));
    const restStart = Math.max(start, lines.length - lineBytesMax);
    this.#rest = restStart === lines.length ? nothing : Buffer.from(lines.subarray(restStart));
  }

  #isEvent(lines: Buffer, start: number, end: number): boolean {
    if (this.#kind === 'ndjson') return end - start > 1;
    // 'data:' by its first two and its fifth byte; no other SSE field shares them.
    return lines[start] === 100 && lines[start + 1] === 97 && lines[start + 4] === 58;
  }

  #count(lines: Buffer, start: number, end: number): void {
    this.#events += 1;
    if (!this.#hasContent) this.#hasContent = content.test(lines.toString('latin1', start, end));
  }
}
