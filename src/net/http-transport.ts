/** Bytes to an upstream over HTTP, through a pool of kept connections. */

import { lookup as lookUpBySystem } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import type { buildConnector, Dispatcher } from 'undici';
// The whole package is 60 modules more, for `fetch`, proxies and mocks: 3 MB that no upstream needs.
import createConnector from 'undici/lib/core/connect.js';
import { type Failure, fail } from '../core/failure.ts';
import type { Flow, Receiver, Transport, UpstreamRequest } from '../core/transport.ts';
import { IdleBound } from './idle-bound.ts';
import type { Leaver } from './live-client.ts';
import type { NamedBy } from './outgoing-url.ts';
import { publicAlone, refusalOf } from './public-lookup.ts';
import { ReadyPool } from './ready-pool.ts';
import { endWhenSilent } from './silent-connection.ts';
import { describeSocketError, type Reached } from './socket-error.ts';

export interface HttpTransportOptions {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Stands before every path: `/v1`, or nothing. */
  readonly basePath: string;
  /** A Unix socket or named pipe in place of the host. */
  readonly socketPath?: string;
  /** Name, value, name, value: credentials among them. */
  readonly headers: readonly string[];
  readonly connections: number;
  /** How many connections stay open with nothing to do. */
  readonly idleMax: number;
  readonly connectMs: number;
  readonly keepAliveMs: number;
  /** How often an HTTP/2 server is asked whether it is still there. */
  readonly pingMs?: number;
  /** How the host's name is looked up; the system's way when absent. */
  readonly lookup?: LookupFunction;
  /** What a stranger named is connected to at public addresses alone. */
  readonly namedBy?: NamedBy;
}

const pingMsDefault = 10_000;

export function createHttpTransport(options: HttpTransportOptions): Transport {
  const { pingMs = pingMsDefault } = options;
  const idle = new IdleBound(options.idleMax);
  const pool = new ReadyPool(options.origin, {
    factory: idle.factory,
    connections: options.connections,
    // One request at a time on a connection of HTTP/1.1: a long answer must not hold up a short one behind it.
    pipelining: 1,
    keepAliveTimeout: options.keepAliveMs,
    keepAliveMaxTimeout: options.keepAliveMs * 2,
    connect: connectorOf(options, pingMs),
    h2Options: { pingInterval: pingMs },
    // The five clocks of the exchange are the only ones: undici's own end every call after 300 s.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: -1,
  });
  const sign: SignOfLife = { count: 0 };
  return {
    get heard() {
      return sign.count;
    },
    send: (request, receiver) => send({ pool, idle, sign, options }, request, receiver),
    close: () => {
      idle.stop();
      return pool.close();
    },
  };
}

function connectorOf(
  { connectMs, socketPath, lookup = lookUpBySystem, namedBy }: HttpTransportOptions,
  pingMs: number,
): buildConnector.connector {
  const isStrange = namedBy === 'stranger';
  const connect = createConnector({
    timeout: connectMs,
    ...(socketPath === undefined ? {} : { socketPath }),
    lookup: isStrange ? publicAlone(lookup) : lookup,
  });
  return (where, callback) => {
    const refusal = isStrange ? refusalOf(where.hostname) : undefined;
    if (refusal !== undefined) return void queueMicrotask(() => callback(refusal, null));
    connect(where, (...result) => {
      if (result[0] === null) endWhenSilent(result[1], pingMs);
      callback(...result);
    });
  };
}

/** Pieces that came, whoever they were for. */
interface SignOfLife {
  count: number;
}

interface Way {
  readonly pool: ReadyPool;
  readonly idle: IdleBound;
  readonly sign: SignOfLife;
  readonly options: HttpTransportOptions;
}

function send(way: Way, request: UpstreamRequest, receiver: Receiver): Flow {
  const { pool, idle, sign, options } = way;
  const handler = new ResponseHandler(receiver, idle, sign);
  idle.begun();
  const headers = options.headers.length === 0 ? request.headers : request.headers.concat(options.headers);
  try {
    pool.dispatch(
      {
        method: request.method,
        path: pathOf(options.basePath, request.path),
        headers: headers as string[],
        body: bodyOf(request),
      },
      handler,
    );
  } catch (thrown) {
    handler.onResponseError(undefined, thrown instanceof Error ? thrown : new Error(String(thrown)));
  }
  return handler;
}

/** What a server tells beside its API stands beside `/v1`, wherever that is. */
function pathOf(basePath: string, path: string): string {
  if (!path.startsWith('../')) return basePath + path;
  return basePath.slice(0, Math.max(0, basePath.lastIndexOf('/'))) + path.slice(2);
}

function bodyOf({ body, bodyStream }: UpstreamRequest): Uint8Array | string | Readable | null {
  return body ?? (bodyStream === undefined ? null : Readable.from(bodyStream, { objectMode: false }));
}

const aborted = new Error('the exchange is over');

class ResponseHandler implements Dispatcher.DispatchHandler, Flow, Leaver {
  readonly #receiver: Receiver;
  readonly #idle: IdleBound;
  readonly #sign: SignOfLife;
  #controller: Dispatcher.DispatchController | undefined;
  #reached: Reached = 'connecting';
  #aborted = false;

  constructor(receiver: Receiver, idle: IdleBound, sign: SignOfLife) {
    this.#receiver = receiver;
    this.#idle = idle;
    this.#sign = sign;
  }

  get left(): boolean {
    return this.#aborted;
  }

  dropped(): void {
    this.#idle.ended();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#reached = 'sent';
    if (this.#aborted) controller.abort(aborted);
    else this.#receiver.sent();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    this.#sign.count += 1;
    if (this.#aborted || status < 200) return;
    this.#reached = 'answered';
    this.#receiver.head(status, headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#sign.count += 1;
    if (!this.#aborted) this.#receiver.data(chunk);
  }

  onResponseEnd(): void {
    this.#idle.ended();
    if (!this.#aborted) this.#receiver.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#idle.ended();
    if (!this.#aborted) this.#receiver.fail(asUpstreamFailure(error, this.#reached));
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#controller?.abort(aborted);
  }
}

function asUpstreamFailure(error: Error, reached: Reached): Failure {
  const { code, says } = describeSocketError(error, reached);
  return fail(code, says, { cause: error });
}
