// One keep-alive connection that carries one request after another and notes when each part of the reply came.
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Destination } from './destination.ts';
import { MalformedReply, ReplyReader, type ReplySink } from './reply-reader.ts';
import { type StreamKind, StreamMeter } from './stream-meter.ts';

/**
 * connect: no connection came about. reset: it ended before the reply did. timeout: the reply took too long.
 * status: a whole reply, not 2xx. malformed: not HTTP. incomplete: a whole body without the stream's end marker.
 */
export type ErrorKind = 'connect' | 'reset' | 'timeout' | 'status' | 'malformed' | 'incomplete';

export interface LoadObserver {
  sent(connection: LoadConnection): void;
  /** Bytes of a reply's body came in one read, `gapMs` after the previous ones (0 for the first). */
  arrived(bytes: number, gapMs: number): void;
  /** A request ended; `failure` is undefined when all of it was as it should be. */
  settled(connection: LoadConnection, failure: ErrorKind | undefined): void;
  /** The connection is gone; a request it still carried has been settled before. */
  closed(connection: LoadConnection): void;
}

export interface ConnectionOptions {
  readonly destination: Destination;
  readonly expect: StreamKind | 'whole';
  readonly endMarker?: string;
  readonly observer: LoadObserver;
}

/** Its times are milliseconds of `performance.now()`; 0 means not yet. */
export class LoadConnection implements ReplySink {
  /** When the request should have been sent: in an open loop not when it could be. */
  intendedAt = 0;
  sentAt = 0;
  firstByteAt = 0;
  firstContentAt = 0;
  status = 0;
  isBusy = false;
  /** When the request was handed over, which a timeout counts from. */
  assignedAt = 0;

  readonly #observer: LoadObserver;
  readonly #reader: ReplyReader;
  readonly #meter: StreamMeter | undefined;
  readonly #socket: Socket;
  #isOpen = false;
  #pending: Buffer | undefined;
  #lastReadAt = 0;
  #bodyBytesInRead = 0;

  constructor(options: ConnectionOptions) {
    this.#observer = options.observer;
    this.#reader = new ReplyReader(this);
    this.#meter = options.expect === 'whole' ? undefined : new StreamMeter(options.expect, options.endMarker);
    this.#socket = options.destination.open((bytes) => this.#read(bytes));
    this.#socket.once('connect', () => this.#opened());
    // 'close' always follows and is where the consequences are drawn; without a listener the process would end.
    this.#socket.on('error', () => undefined);
    this.#socket.once('end', () => this.#ended());
    this.#socket.once('close', () => this.#closed());
  }

  /** Whether it may carry another request, which the last reply may have ruled out. */
  get isUsable(): boolean {
    return this.#socket.writable;
  }

  /** Stream events of the current reply so far. */
  get events(): number {
    return this.#meter?.events ?? 0;
  }

  /** The connection must be idle and usable. */
  send(request: Buffer, intendedAt: number): void {
    this.isBusy = true;
    this.assignedAt = performance.now();
    this.intendedAt = intendedAt;
    this.sentAt = 0;
    this.firstByteAt = 0;
    this.firstContentAt = 0;
    this.status = 0;
    this.#lastReadAt = 0;
    this.#reader.begin();
    this.#meter?.begin();
    if (this.#isOpen) this.#write(request);
    else this.#pending = request;
  }

  /** Ends the connection and, with this kind, the request it carries. */
  fail(kind: ErrorKind): void {
    this.#socket.destroy();
    this.#settle(kind);
  }

  destroy(): void {
    this.isBusy = false;
    this.#socket.destroy();
  }

  head(status: number): void {
    this.status = status;
  }

  body(bytes: Buffer): void {
    this.#bodyBytesInRead += bytes.length;
    this.#meter?.push(bytes);
  }

  end(reusable: boolean): void {
    this.#noteRead(performance.now());
    if (!reusable) this.#socket.destroy();
    this.#settle(this.#verdict());
  }

  #opened(): void {
    this.#isOpen = true;
    const request = this.#pending;
    this.#pending = undefined;
    if (request !== undefined) this.#write(request);
  }

  #write(request: Buffer): void {
    this.sentAt = performance.now();
    this.#observer.sent(this);
    this.#socket.write(request);
  }

  #read(bytes: Buffer): void {
    const now = performance.now();
    if (this.firstByteAt === 0) this.firstByteAt = now;
    try {
      this.#reader.push(bytes);
    } catch (error) {
      if (!(error instanceof MalformedReply)) throw error;
      this.fail('malformed');
      return;
    }
    if (this.isBusy) this.#noteRead(now);
  }

  #noteRead(now: number): void {
    if (this.#bodyBytesInRead === 0) return;
    const gapMs = this.#lastReadAt === 0 ? 0 : now - this.#lastReadAt;
    this.#lastReadAt = now;
    if (this.firstContentAt === 0 && this.#meter?.hasContent === true) this.firstContentAt = now;
    this.#observer.arrived(this.#bodyBytesInRead, gapMs);
    this.#bodyBytesInRead = 0;
  }

  #verdict(): ErrorKind | undefined {
    if (this.status < 200 || this.status > 299) return 'status';
    if (this.#meter === undefined) return undefined;
    return this.#meter.isComplete ? undefined : 'incomplete';
  }

  #settle(failure: ErrorKind | undefined): void {
    if (!this.isBusy) return;
    this.isBusy = false;
    this.#observer.settled(this, failure);
  }

  /** The peer will send no more; a reply that is delimited by closing ends well here. */
  #ended(): void {
    if (this.isBusy && !this.#reader.close()) this.fail('reset');
  }

  #closed(): void {
    if (this.isBusy) this.#settle(this.#isOpen ? 'reset' : 'connect');
    this.#observer.closed(this);
  }
}
