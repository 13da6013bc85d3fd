/** A client's request as the chain sees it: path and key apart, body read within limits. */
import type { IncomingMessage } from 'node:http';
import type { BodyLimits, Incoming } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Clock } from '../lib/clock.ts';
import { bodyTooLarge, collectBody } from './body-collector.ts';
import { streamBody } from './body-stream.ts';
import type { Doorkeeper } from './doorkeeper.ts';
import { headFault } from './head-fault.ts';
import { inflate } from './inflate.ts';
import { isLoopbackPeer, plainAddress } from './peer-address.ts';
import { parseRequestTarget } from './request-target.ts';

export class ClientRequest implements Incoming {
  readonly method: string;
  readonly path: string;
  readonly pathKey: string | undefined;
  readonly headers: Incoming['headers'];
  remoteAddress: string;
  fault: Failure | undefined;
  readonly #request: IncomingMessage;
  readonly #clock: Clock;
  readonly #search: string;
  #isProxied = false;

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
    this.remoteAddress = plainAddress(request.socket.remoteAddress);
  }

  /** Where trusted proxies speak for others: the address becomes that of the client behind them. */
  askFor(doorkeeper: Doorkeeper): void {
    this.#isProxied = doorkeeper.isProxy(this.remoteAddress);
    const client = doorkeeper.clientOf(this.remoteAddress, this.headers);
    if (typeof client === 'string') this.remoteAddress = client;
    else this.fault ??= client;
  }

  get query(): URLSearchParams | undefined {
    return this.#search === '' ? undefined : new URLSearchParams(this.#search);
  }

  get onLoopback(): boolean {
    // A proxy on this machine speaks for others, who are not on it: also where it does not say for whom.
    if (this.#isProxied) return false;
    return isLoopbackPeer(this.remoteAddress) && !forwarded.some((name) => name in this.headers);
  }

  get targetBytes(): number {
    return this.path.length + this.#search.length;
  }

  readBody(limits: BodyLimits): Promise<Uint8Array> {
    const fault = this.#lengthFault(limits);
    if (fault !== undefined) return Promise.reject(fault);
    const bytes = collectBody({ request: this.#request, clock: this.#clock, limits });
    const encoding = this.headers['content-encoding'];
    if (typeof encoding !== 'string') return bytes;
    return bytes.then((packed) => inflate(packed, encoding, limits.bodyBytesMax));
  }

  async *streamBody(limits: BodyLimits): AsyncIterable<Uint8Array> {
    const fault = this.#lengthFault(limits);
    if (fault !== undefined) throw fault;
    yield* streamBody({ request: this.#request, clock: this.#clock, limits });
  }

  #lengthFault(limits: BodyLimits): Failure | undefined {
    const length = this.headers['content-length'];
    if (length === undefined && this.headers['transfer-encoding'] === undefined) {
      return fail('length_required', 'the request has no body; a JSON object is expected');
    }
    return Number(length ?? 0) > limits.bodyBytesMax ? bodyTooLarge(limits) : undefined;
  }
}

const forwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip'] as const;
