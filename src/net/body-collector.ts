/** Collects one request's body within its limits. */
import type { IncomingMessage } from 'node:http';
import type { BodyLimits } from '../core/exchange.ts';
import { Failure, fail } from '../core/failure.ts';
import type { Clock, Timer } from '../lib/clock.ts';

export interface CollectorOptions {
  readonly request: IncomingMessage;
  readonly clock: Clock;
  readonly limits: BodyLimits;
}

export function collectBody(options: CollectorOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => new BodyCollector(options, { resolve, reject }));
}

interface Settle {
  readonly resolve: (bytes: Buffer) => void;
  readonly reject: (failure: Failure) => void;
}

class BodyCollector {
  readonly #options: CollectorOptions;
  readonly #settle: Settle;
  readonly #timer: Timer;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #over = false;

  /** Its listeners are left in place: taking them off costs more than what they do once it is over. */
  constructor(options: CollectorOptions, settle: Settle) {
    this.#options = options;
    this.#settle = settle;
    const { request, clock, limits } = options;
    this.#timer = clock.after(limits.bodyMs, () => this.#refuse(bodyTooSlow(limits)));
    request.on('data', (chunk: Buffer) => this.#take(chunk));
    request.on('end', () => this.#finish());
    request.on('close', () => this.#gone());
    request.on('error', (cause) => this.#gone(cause));
  }

  #take(chunk: Buffer): void {
    if (this.#over) return;
    this.#size += chunk.length;
    if (this.#size <= this.#options.limits.bodyBytesMax) {
      this.#chunks.push(chunk);
      return;
    }
    this.#options.request.pause();
    this.#refuse(bodyTooLarge(this.#options.limits));
  }

  #finish(): void {
    if (this.#over) return;
    this.#end();
    const [first] = this.#chunks;
    const whole = this.#chunks.length === 1 && first !== undefined;
    this.#settle.resolve(whole ? first : Buffer.concat(this.#chunks, this.#size));
  }

  /** Every request closes in the end: only one that is still being read has lost its client. */
  #gone(cause?: Error): void {
    if (!this.#over) this.#refuse(cause instanceof Failure ? cause : clientGone(cause));
  }

  #refuse(failure: Failure): void {
    if (this.#over) return;
    this.#end();
    this.#settle.reject(failure);
  }

  #end(): void {
    this.#over = true;
    this.#timer.cancel();
  }
}

export function bodyTooLarge(limits: BodyLimits): Failure {
  return fail('body_too_large', `the body is larger than ${limits.bodyBytesMax} bytes`);
}

export function bodyTooSlow(limits: BodyLimits): Failure {
  return fail('request_timeout', `the body was not complete after ${limits.bodyMs} ms`);
}

export function clientGone(cause?: unknown): Failure {
  return fail('client_gone', 'the client left while sending its request', { cause });
}
