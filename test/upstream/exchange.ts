import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RecordedRequest, Writable } from './recording.ts';

/** One request on its connection: what is recorded of it and how it is broken off. */
export class Exchange {
  readonly record: Writable<RecordedRequest>;
  readonly response: ServerResponse;
  /** Aborts when the connection is gone or the server closes. */
  readonly signal: AbortSignal;
  /** This side closed the connection on purpose. */
  isBroken = false;
  readonly #incoming: IncomingMessage;
  readonly #left = new AbortController();
  readonly #closing: AbortSignal;
  readonly #chunks: Buffer[] = [];

  constructor(incoming: IncomingMessage, response: ServerResponse, closing: AbortSignal) {
    this.record = newRecord(incoming);
    this.response = response;
    this.signal = AbortSignal.any([this.#left.signal, closing]);
    this.#incoming = incoming;
    this.#closing = closing;
  }

  /** The path without its query. */
  get path(): string {
    return this.record.path.replace(/\?.*$/s, '');
  }

  /** Reads the body; false when the other side left first or sent too much. */
  async read(): Promise<boolean> {
    let bytes = 0;
    try {
      for await (const chunk of this.#incoming as AsyncIterable<Buffer>) {
        this.#chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > requestBodyBytesMax)
          throw new Error(`a request of more than ${requestBodyBytesMax} bytes`);
      }
    } catch (error) {
      if (this.#incoming.complete || !this.#incoming.destroyed) throw error;
      return false;
    }
    this.record.body = Buffer.concat(this.#chunks);
    this.record.json = parseJson(this.record.body);
    this.record.bodyAt = performance.now();
    return true;
  }

  reset(): void {
    this.isBroken = true;
    this.response.socket?.resetAndDestroy();
  }

  /** Its connection is gone. */
  closed(): void {
    this.record.closedAt = performance.now();
    if (this.record.bodyAt === undefined) this.record.body = Buffer.concat(this.#chunks);
    this.record.aborted = !(this.response.writableFinished || this.isBroken || this.#closing.aborted);
    this.#left.abort();
  }
}

const requestBodyBytesMax = 64 * 1024 * 1024;

const newRecord = ({ method = '', url = '', headers }: IncomingMessage): Writable<RecordedRequest> => ({
  method,
  path: url,
  headers,
  body: Buffer.alloc(0),
  json: undefined,
  receivedAt: performance.now(),
  bodyAt: undefined,
  firstByteAt: undefined,
  answeredAt: undefined,
  closedAt: undefined,
  aborted: false,
  bytesSent: 0,
});

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    // Many requests have no JSON, and recording them must not fail.
    return undefined;
  }
}
