// Reads HTTP/1.1 replies from a socket at a few microseconds each; a load generator must be cheaper than what it loads.

export interface ReplySink {
  /** The final status line and headers are in; interim 1xx replies are passed over. */
  head(status: number): void;
  body(bytes: Buffer): void;
  /** The reply is whole; `reusable` says whether its connection may carry another request. */
  end(reusable: boolean): void;
}

export class MalformedReply extends Error {
  override readonly name = 'MalformedReply';
}

/** Also bounds chunk-size lines and trailers. */
const headBytesMax = 65_536;
const nothing = Buffer.alloc(0);

type Step =
  | 'idle'
  | 'head'
  | 'counted-body'
  | 'chunk-size'
  | 'chunk-bytes'
  | 'chunk-end'
  | 'trailer'
  | 'until-close';

export class ReplyReader {
  readonly #sink: ReplySink;
  #step: Step = 'idle';
  /** Bytes of a head or line that has not ended yet. */
  #rest: Buffer = nothing;
  #left = 0;
  #reusable = true;

  constructor(sink: ReplySink) {
    this.#sink = sink;
  }

  /** Call before each request: bytes that no request asked for are malformed. */
  begin(): void {
    this.#step = 'head';
    this.#rest = nothing;
    this.#reusable = true;
  }

  push(bytes: Buffer): void {
    let left = bytes;
    if (this.#rest.length > 0) {
      left = Buffer.concat([this.#rest, bytes]);
      this.#rest = nothing;
    }
    while (left.length > 0) {
      const consumed = this.#take(left);
      if (consumed === 0) {
        if (left.length > headBytesMax) throw new MalformedReply(`a head or line over ${headBytesMax} bytes`);
        // A copy, because the caller may read the next bytes into the same memory.
        this.#rest = Buffer.from(left);
        return;
      }
      left = consumed === left.length ? nothing : left.subarray(consumed);
    }
  }

  /** The peer closed. True when that is a proper end: nothing was expected, or closing delimits the reply. */
  close(): boolean {
    if (this.#step === 'until-close') {
      this.#reusable = false;
      this.#finish();
      return true;
    }
    return this.#step === 'idle';
  }

  /** How many bytes the current step used up; 0 asks for more. */
  #take(bytes: Buffer): number {
    switch (this.#step) {
      case 'head':
        return this.#takeHead(bytes);
      case 'counted-body':
      case 'chunk-bytes':
        return this.#takeCounted(bytes);
      case 'chunk-size':
        return this.#takeChunkSize(bytes);
      case 'chunk-end':
        return this.#takeChunkEnd(bytes);
      case 'trailer':
        return this.#takeTrailer(bytes);
      case 'until-close':
        this.#sink.body(bytes);
        return bytes.length;
      case 'idle':
        throw new MalformedReply('bytes that no request asked for');
    }
  }

  #takeHead(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n');
    if (end === -1) return 0;
    const head = bytes.toString('latin1', 0, end + 2);
    const status = Number(/^HTTP\/1\.[01] (\d{3})[ \r]/.exec(head)?.[1]);
    if (!(status >= 100)) throw new MalformedReply(`no status line: ${JSON.stringify(head.slice(0, 40))}`);
    if (status >= 200) this.#openBody(status, head);
    return end + 4;
  }

  #openBody(status: number, head: string): void {
    this.#reusable = !(/\r\nconnection: *close/i.test(head) || head.startsWith('HTTP/1.0'));
    this.#sink.head(status);
    const length = status === 204 || status === 304 ? 0 : lengthIn(head);
    if (length === 'chunked') this.#step = 'chunk-size';
    else if (length === 'unknown') this.#step = 'until-close';
    else if (length === 0) this.#finish();
    else {
      this.#left = length;
      this.#step = 'counted-body';
    }
  }

  #takeCounted(bytes: Buffer): number {
    const taken = Math.min(this.#left, bytes.length);
    this.#left -= taken;
    this.#sink.body(taken === bytes.length ? bytes : bytes.subarray(0, taken));
    if (this.#left === 0) {
      if (this.#step === 'counted-body') this.#finish();
      else this.#step = 'chunk-end';
    }
    return taken;
  }

  #takeChunkSize(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n');
    if (end === -1) return 0;
    const size = /^[0-9a-f]{1,8}(?=\s*(?:;|$))/i.exec(bytes.toString('latin1', 0, end))?.[0];
    if (size === undefined) throw new MalformedReply('a chunk without a size');
    this.#left = Number.parseInt(size, 16);
    this.#step = this.#left === 0 ? 'trailer' : 'chunk-bytes';
    return end + 2;
  }

  #takeChunkEnd(bytes: Buffer): number {
    if (bytes.length < 2) return 0;
    if (bytes[0] !== 13 || bytes[1] !== 10) throw new MalformedReply('a chunk longer than its size');
    this.#step = 'chunk-size';
    return 2;
  }

  #takeTrailer(bytes: Buffer): number {
    const end = bytes.indexOf('\r\n');
    if (end === -1) return 0;
    if (end === 0) this.#finish();
    return end + 2;
  }

  #finish(): void {
    this.#step = 'idle';
    this.#sink.end(this.#reusable);
  }
}

function lengthIn(head: string): number | 'chunked' | 'unknown' {
  if (/\r\ntransfer-encoding: *chunked\r\n/i.test(head)) return 'chunked';
  const length = /\r\ncontent-length: *(\d+) *\r\n/i.exec(head)?.[1];
  return length === undefined ? 'unknown' : Number(length);
}
