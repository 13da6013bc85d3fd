/** A client's request as the chain sees it: path and key apart, body read within limits. */
import type { IncomingMessage } from 'node:http';
import type { BodyLimits, Incoming } from '../core/exchange.ts';
import { Failure, fail } from '../core/failure.ts';
import type { Clock } from '../lib/clock.ts';
import { headFault } from './head-fault.ts';
import { inflate } from './inflate.ts';
import { parseRequestTarget } from './request-target.ts';

export class ClientRequest implements Incoming {
  readonly method: string;
  readonly path: string;
  readonly pathKey: string | undefined;
  readonly headers: Incoming['headers'];
  readonly remoteAddress: string;
  readonly fault: Failure | undefined;
  readonly #request: IncomingMessage;
  readonly #clock: Clock;
  readonly #search: string;

  constructor(request: IncomingMessage, clock: Clock) {
    this.#request = request;
    this.#clock = clock;
    this.fault = headFault(request);
    const { path, search, pathKey } = parseRequestTarget(request.url ?? '/');
    this.path = path;
    this.#search = search;
    this.pathKey = pathKey;
    this.method = request.method ?? 'GET';
    this.headers = request.headers;
    this.remoteAddress = request.socket.remoteAddress ?? '';
  }

  get query(): URLSearchParams | undefined {
    return this.#search === '' ? undefined : new URLSearchParams(this.#search);
  }

  get onLoopback(): boolean {
    // A proxy on this machine speaks for others, who are not on it.
    return isLoopbackPeer(this.remoteAddress) && !forwarded.some((name) => name in this.headers);
  }

  get targetBytes(): number {
    return this.path.length + this.#search.length;
  }

  async readBody(limits: BodyLimits): Promise<Uint8Array> {
    this.#checkLength(limits);
    const bytes = await this.#collect(limits);
    const encoding = this.headers['content-encoding'];
    return typeof encoding === 'string' ? inflate(bytes, encoding, limits.bodyBytesMax) : bytes;
  }

  async *streamBody(limits: BodyLimits): AsyncIterable<Uint8Array> {
    this.#checkLength(limits);
    let size = 0;
    let late = false;
    let giveUp: (failure: Failure) => void = () => {};
    const timer = this.#clock.after(limits.bodyMs, () => {
      late = true;
      giveUp(tooSlow(limits));
    });
    // The request must outlive a refusal: destroying it would cut the connection that carries the answer.
    const chunks = this.#request.iterator({ destroyOnReturn: false });
    try {
      for (;;) {
        const next = new Promise<IteratorResult<Buffer>>((resolve, reject) => {
          giveUp = reject;
          chunks.next().then(resolve, (cause) => reject(clientGone(cause)));
        });
        const { value, done } = await next;
        if (done === true) return;
        size += value.length;
        if (size > limits.bodyBytesMax) throw tooLarge(limits);
        yield value;
        if (late) throw tooSlow(limits);
      }
    } finally {
      timer.cancel();
    }
  }

  #checkLength(limits: BodyLimits): void {
    const length = this.headers['content-length'];
    if (length === undefined && this.headers['transfer-encoding'] === undefined) {
      throw fail('length_required', 'the request has no body; a JSON object is expected');
    }
    if (Number(length ?? 0) > limits.bodyBytesMax) throw tooLarge(limits);
  }

  #collect(limits: BodyLimits): Promise<Buffer> {
    const request = this.#request;
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const done = (settle: () => void) => {
        timer.cancel();
        request.off('data', take).off('end', end).off('close', gone).off('error', broken);
        settle();
      };
      const take = (chunk: Buffer) => {
        size += chunk.length;
        if (size > limits.bodyBytesMax) {
          request.pause();
          done(() => reject(tooLarge(limits)));
        } else chunks.push(chunk);
      };
      const end = () => {
        const [first] = chunks;
        done(() => resolve(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, size)));
      };
      const gone = () => done(() => reject(clientGone()));
      const broken = (cause: Error) =>
        done(() => reject(cause instanceof Failure ? cause : clientGone(cause)));
      const timer = this.#clock.after(limits.bodyMs, () => done(() => reject(tooSlow(limits))));
      request.on('data', take).on('end', end).on('close', gone).on('error', broken);
    });
  }
}

const forwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip'] as const;

export function isLoopbackPeer(address: string): boolean {
  return /^(?:127\.|::1$|::ffff:127\.)/.test(address);
}

function tooLarge(limits: BodyLimits) {
  return fail('body_too_large', `the body is larger than ${limits.bodyBytesMax} bytes`);
}

function tooSlow(limits: BodyLimits) {
  return fail('request_timeout', `the body was not complete after ${limits.bodyMs} ms`);
}

function clientGone(cause?: unknown) {
  return fail('client_gone', 'the client left while sending its request', { cause });
}
