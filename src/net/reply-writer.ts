/** Writes one reply to one client, at the pace the client reads. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Reply, Sink, StreamSource } from '../core/stage.ts';
import type { Clock, Timer } from '../lib/clock.ts';

export interface ReplyWriterOptions {
  readonly clock: Clock;
  readonly stallMs: number;
  /** What the listener adds to every reply. */
  readonly headers: readonly string[];
}

/** A body that was not read is not read for the sake of the connection: it is closed after the reply. */
const unreadStatuses: ReadonlySet<number> = new Set([408, 411, 413, 415]);

export class ReplyWriter {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: ReplyWriterOptions;
  #source: StreamSource | undefined;
  /** Runs while the client has more to read than it takes. */
  #stall: Timer | undefined;
  #watching = false;

  constructor(request: IncomingMessage, response: ServerResponse, options: ReplyWriterOptions) {
    this.#request = request;
    this.#response = response;
    this.#options = options;
  }

  /** Header and body of a whole reply leave in one write, and so do a stream's head and first event. */
  write(reply: Reply, id: string): void {
    const response = this.#response;
    if (response.destroyed) {
      if (!(reply.body instanceof Uint8Array)) reply.body.abort();
      return;
    }
    if (!this.#request.complete || unreadStatuses.has(reply.status)) response.shouldKeepAlive = false;
    const headers = [...reply.headers, 'x-request-id', id, 'x-millrace-id', id];
    const { body } = reply;
    if (this.#options.headers.length > 0) headers.push(...this.#options.headers);
    if (body instanceof Uint8Array) headers.push('content-length', String(body.length));
    response.writeHead(reply.status, headers);
    if (body instanceof Uint8Array && body.length <= pieceBytes) {
      response.end(body);
      this.#watchRest();
      this.#dropUnreadBody();
      return;
    }
    this.#source = body instanceof Uint8Array ? new Pieces(body) : body;
    this.#source.start({
      write: (bytes) => this.#writeChunk(bytes),
      end: () => this.#end(),
    });
  }

  crash(mistake: unknown): void {
    const response = this.#response;
    process.emitWarning(mistake instanceof Error ? mistake : new Error(String(mistake)));
    if (response.headersSent) response.destroy();
    else response.writeHead(500).end();
  }

  #writeChunk(bytes: Uint8Array): boolean {
    const response = this.#response;
    if (response.destroyed) return true;
    if (response.write(bytes)) return true;
    this.#waitForDrain();
    return false;
  }

  #waitForDrain(): void {
    if (this.#stall !== undefined) return;
    const response = this.#response;
    this.#stall = this.#options.clock.after(this.#options.stallMs, () => response.destroy());
    if (this.#watching) return;
    this.#watching = true;
    const taken = () => {
      this.#stall?.cancel();
      this.#stall = undefined;
    };
    response.on('drain', () => {
      taken();
      this.#source?.resume();
    });
    response.once('close', taken);
  }

  #end(): void {
    this.#response.end();
    this.#watchRest();
    this.#dropUnreadBody();
  }

  /** What was handed over but not taken yet has to leave in its time as well. */
  #watchRest(): void {
    if (this.#response.writableLength > 0) this.#waitForDrain();
  }

  /** What the client still sends after a refusal is cut, not read: a gigabyte is not worth an error message. */
  #dropUnreadBody(): void {
    if (this.#request.complete) return;
    // Node takes the socket away from a request whose connection is gone.
    const socket: Socket | null = this.#request.socket;
    this.#response.once('finish', () => {
      this.#options.clock.after(unreadGraceMs, () => socket?.destroy());
    });
  }
}

/** A whole answer of more than this is handed over piece by piece, so that a slow reader shows that it reads. */
const pieceBytes = 64 * 1024;

class Pieces implements StreamSource {
  readonly #bytes: Uint8Array;
  #sink: Sink | undefined;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  start(sink: Sink): void {
    this.#sink = sink;
    this.resume();
  }

  resume(): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    let flows = true;
    while (flows && this.#at < this.#bytes.length) {
      const from = this.#at;
      this.#at += pieceBytes;
      flows = sink.write(this.#bytes.subarray(from, this.#at));
    }
    if (this.#at < this.#bytes.length) return;
    this.#sink = undefined;
    sink.end();
  }

  pause(): void {}

  abort(): void {
    this.#sink = undefined;
  }
}

/** Long enough for the refusal to be read before the connection is cut beneath it. */
const unreadGraceMs = 500;
