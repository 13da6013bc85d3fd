/** Takes connections from clients, hands their requests to the chain, and writes its replies. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Received } from '../core/exchange.ts';
import { Signal } from '../core/signal.ts';
import type { Handler, Reply } from '../core/stage.ts';
import { Trail } from '../core/trail.ts';
import type { Clock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/uuid.ts';
import { ClientRequest } from './client-request.ts';
import { refuseMalformed, tooManyHeaders } from './malformed.ts';
import { ReplyWriter } from './reply-writer.ts';

export interface ListenerOptions {
  readonly clock: Clock;
  readonly keepAliveMs: number;
  readonly connectionsMax: number;
  /** A client that takes nothing for this long is cut (C6). */
  readonly stallMs: number;
  /** The chain of the current configuration; asked once a request, so that a reload reaches new ones only. */
  readonly handler: () => Handler<Received>;
}

export interface Listener {
  readonly port: number;
  readonly inFlight: number;
  /** Stops taking connections, closes idle ones and tells the others to leave after their answer. */
  drain(): void;
  /** Resolves when the last request is done, or cuts what is left after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

const headerCountMax = 100;

export async function openListener(
  address: { host: string; port: number },
  options: ListenerOptions,
): Promise<Listener> {
  const state = { inFlight: 0, draining: false };
  const server = createServer({
    keepAliveTimeout: options.keepAliveMs,
    // Node closes idle connections this much later than it promised the client, so that neither races the other.
    keepAliveTimeoutBuffer: 1000,
    headersTimeout: 10_000,
    // Bodies have the clocks of their routes.
    requestTimeout: 0,
    maxHeaderSize: 16 * 1024,
    noDelay: true,
    insecureHTTPParser: false,
  });
  server.maxConnections = options.connectionsMax;
  // Node would silently drop the headers beyond its count; we refuse the request instead.
  server.maxHeadersCount = headerCountMax + 1;
  server.on('clientError', refuseMalformed);
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    serve(options, state, { request, response });
  });
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    get inFlight() {
      return state.inFlight;
    },
    drain: () => {
      state.draining = true;
      server.close();
      server.closeIdleConnections();
    },
    close: (graceMs) => close(server, state, { clock: options.clock, graceMs }),
  };
}

interface Pair {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

function serve(options: ListenerOptions, state: { inFlight: number; draining: boolean }, pair: Pair): void {
  const { request, response } = pair;
  if (tooManyHeaders(request, headerCountMax, response)) return;
  const wallMs = options.clock.wall();
  const trail = new Trail(uuidv7(wallMs), { startedMs: options.clock.now(), wallMs });
  const signal = new Signal();
  const incoming = new ClientRequest(request, options.clock);
  trail.remoteAddress = incoming.remoteAddress;
  const asked = request.headers['x-request-id'];
  if (typeof asked === 'string') trail.clientRequestId = asked.slice(0, 200);
  state.inFlight += 1;
  response.on('close', () => {
    state.inFlight -= 1;
    if (!response.writableFinished) signal.abort();
  });
  if (state.draining) response.shouldKeepAlive = false;
  const writer = new ReplyWriter(request, response, { clock: options.clock, stallMs: options.stallMs });
  options
    .handler()({ incoming, trail, signal })
    .then((reply: Reply) => writer.write(reply, trail.id))
    // The chain turns every failure into a reply; what arrives here is a mistake of the chain itself.
    .catch((mistake: unknown) => writer.crash(mistake));
}

function listen(server: Server, address: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address.host, port: address.port, backlog: 4096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function close(
  server: Server,
  state: { draining: boolean },
  wait: { clock: Clock; graceMs: number },
): Promise<void> {
  return new Promise((resolve) => {
    state.draining = true;
    const timer = wait.clock.after(wait.graceMs, () => server.closeAllConnections());
    server.close(() => {
      timer.cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}
