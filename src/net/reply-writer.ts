/** Writes one reply to one client, at the pace the client reads. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reply, StreamSource } from '../core/stage.ts';
import type { Clock, Timer } from '../lib/clock.ts';

export interface ReplyWriterOptions {
  readonly clock: Clock;
  readonly stallMs: number;
}

/** A body that was not read is not read for the sake of the connection: it is closed after the reply. */
const unreadStatuses: ReadonlySet<number> = new Set([408, 411, 413, 415]);

export class ReplyWriter {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #options: ReplyWriterOptions;
  #source: StreamSource | undefined;
  #stall: Timer | undefined;
  #waiting = false;

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
    if (reply.body instanceof Uint8Array) {
      headers.push('content-length', String(reply.body.length));
      response.writeHead(reply.status, headers);
      response.end(reply.body);
      this.#dropUnreadBody();
      return;
    }
    response.writeHead(reply.status, headers);
    this.#source = reply.body;
    reply.body.start({
      write: (bytes) => this.#writeChunk(bytes),
      end: () => this.#end(),
      cut: () => response.destroy(),
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
    if (this.#waiting) return;
    this.#waiting = true;
    this.#stall = this.#options.clock.after(this.#options.stallMs, () => this.#response.destroy());
    this.#response.once('drain', () => {
      this.#waiting = false;
      this.#stall?.cancel();
      this.#source?.resume();
    });
    this.#response.once('close', () => this.#stall?.cancel());
  }

  #end(): void {
    this.#response.end();
    if (this.#response.writableLength > 0 && this.#stall === undefined) this.#waitForDrain();
  }

  /** What the client still sends after a refusal is cut, not read: a gigabyte is not worth an error message. */
  #dropUnreadBody(): void {
    if (this.#request.complete) return;
    this.#response.once('finish', () => {
      this.#options.clock.after(unreadGraceMs, () => this.#request.socket.destroy());
    });
  }
}

/** Long enough for the refusal to be read before the connection is cut beneath it. */
const unreadGraceMs = 500;
