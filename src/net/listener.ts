/** Takes connections from clients, hands their requests to the chain, and writes its replies. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Incoming, Received } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import { Signal } from '../core/signal.ts';
import { type Handler, type Reply, wholeReply } from '../core/stage.ts';
import { Trail } from '../core/trail.ts';
import type { Clock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/uuid.ts';
import type { Certificate } from './certificate.ts';
import { ClientRequest } from './client-request.ts';
import type { Cors } from './cors.ts';
import type { Doorkeeper } from './doorkeeper.ts';
import { headerCountMax } from './head-fault.ts';
import { createHttpServer, type HttpServer, type ListenerTls } from './http-server.ts';
import { type ListenPlace, listen } from './listen.ts';
import { MalformedRequest, type ParserError, writeRefusal } from './malformed.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { ReplyWriter } from './reply-writer.ts';

export interface ListenerOptions {
  readonly clock: Clock;
  readonly keepAliveMs: number;
  /** A client whose headers are not complete by then is refused (C4). */
  readonly headersMs: number;
  readonly connectionsMax: number;
  /** A client that takes nothing for this long is cut (C6). */
  readonly stallMs: number;
  readonly tls?: ListenerTls | undefined;
  readonly doorkeeper: Doorkeeper;
  /** Absent where no page of another origin may call. */
  readonly cors?: Cors | undefined;
  /** The chain of the current configuration; asked once a request, so that a reload reaches new ones only. */
  readonly handler: () => Handler<Received>;
}

export interface Listener {
  readonly port: number;
  readonly inFlight: number;
  /** Shows another certificate to connections from now on. */
  present(certificate: Certificate): void;
  /** From now on every answer says that its connection closes: who keeps some open opens the next ones elsewhere. */
  wane(): void;
  /** Takes no more connections. Resolves when the last request is done, or cuts what is left after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

const headerBytesMax = 16 * 1024;
/** How often connections are looked over for late headers. */
const overdueCheckMs = 500;

export async function openListener(address: ListenPlace, options: ListenerOptions): Promise<Listener> {
  const http = createHttpServer(httpOptions(options), options.tls);
  const { server } = http;
  const { doorkeeper } = options;
  const state: State = {
    inFlight: 0,
    waning: false,
    draining: false,
    sweep: () => server.closeIdleConnections(),
    headers: http.headers,
    asksDoorkeeper: doorkeeper.readsRequests,
  };
  server.maxConnections = options.connectionsMax;
  // Node would silently drop the headers beyond its count; we refuse the request instead.
  server.maxHeadersCount = headerCountMax + 1;
  doorkeeper.guard(server);
  server.on('clientError', (error: ParserError, socket) => refuse(options, error, socket as Socket));
  server.on(
    'request',
    oneAtATime((request, response) => serve(options, state, { request, response })),
  );
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    get inFlight() {
      return state.inFlight;
    },
    present: http.present,
    wane: () => {
      state.waning = true;
    },
    close: (graceMs) => close(http, state, { clock: options.clock, graceMs }),
  };
}

function httpOptions(options: ListenerOptions) {
  return {
    keepAliveTimeout: options.keepAliveMs,
    // Node closes idle connections this much later than it promised the client, so that neither races the other.
    keepAliveTimeoutBuffer: 1000,
    headersTimeout: options.headersMs,
    connectionsCheckingInterval: Math.min(overdueCheckMs, options.headersMs),
    // Bodies have the clocks of their routes.
    requestTimeout: 0,
    maxHeaderSize: headerBytesMax,
    // Of two Authorization headers Node would keep one and say nothing; joined they are no key at all.
    joinDuplicateHeaders: true,
    // Refused by ourselves, in the caller's dialect.
    requireHostHeader: false,
    noDelay: true,
    insecureHTTPParser: false,
    handshakeMs: options.headersMs,
  };
}

interface State {
  inFlight: number;
  /** Connections are still taken, and none is promised to be kept. */
  waning: boolean;
  draining: boolean;
  /** Closes the connections that nobody uses at this moment. */
  readonly sweep: () => void;
  /** What every reply says besides its own. */
  readonly headers: readonly string[];
  /** Only where clients may be others than those who connect. */
  readonly asksDoorkeeper: boolean;
}

interface Pair {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

function serve(options: ListenerOptions, state: State, { request, response }: Pair): void {
  const incoming = new ClientRequest(request, options.clock);
  if (state.asksDoorkeeper) incoming.askFor(options.doorkeeper);
  const received = receive(options, incoming);
  const { trail, signal } = received;
  const asked = request.headers['x-request-id'];
  if (typeof asked === 'string') trail.clientRequestId = asked.slice(0, 200);
  state.inFlight += 1;
  response.on('close', () => {
    state.inFlight -= 1;
    // Its connection was promised to be kept before the end began: now it is idle, and would be waited for.
    if (state.draining) setImmediate(state.sweep);
    if (!response.writableFinished) signal.abort();
  });
  if (state.waning || incoming.fault !== undefined) response.shouldKeepAlive = false;
  const { clock, stallMs, cors } = options;
  const headers = cors === undefined ? state.headers : [...state.headers, ...cors.headersFor(request)];
  const writer = new ReplyWriter(request, response, { clock, stallMs, headers });
  const preflight = incoming.fault === undefined ? cors?.preflight(request) : undefined;
  // A browser's question is no exchange: it carries no key, and is answered before one is asked for.
  if (preflight !== undefined) {
    writer.write(wholeReply(200, preflight, nothing), trail.id);
    return;
  }
  options
    .handler()(received)
    .then((reply: Reply) => writer.write(reply, trail.id))
    // The chain turns every failure into a reply; what arrives here is a mistake of the chain itself.
    .catch((mistake: unknown) => writer.crash(mistake));
}

const nothing = new Uint8Array();

function receive({ clock }: ListenerOptions, incoming: Incoming): Received {
  const wallMs = clock.wall();
  const trail = new Trail(uuidv7(wallMs), { startedMs: clock.now(), wallMs });
  trail.remoteAddress = incoming.remoteAddress;
  return { incoming, trail, signal: new Signal() };
}

/** What is no request is refused, logged and counted by the chain as well. */
function refuse(options: ListenerOptions, error: ParserError, socket: Socket): void {
  const answering = (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;
  if (answering !== undefined && error.code !== 'ECONNRESET' && tellReader(answering.req, error)) return;
  // Where an answer is on its way already, a refusal in the middle of it would be taken for a part of it.
  if (answering !== undefined || error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const limits = { headerBytesMax, headersMs: options.headersMs };
  const received = receive(options, new MalformedRequest(error, socket, limits));
  options
    .handler()(received)
    .then((reply) => writeRefusal(socket, reply, received.trail.id))
    .catch((mistake: unknown) => {
      socket.destroy();
      process.emitWarning(mistake instanceof Error ? mistake : new Error(String(mistake)));
    });
}

/** A body that turns out malformed is its reader's to refuse, if it still has one. */
function tellReader(request: IncomingMessage, cause: Error): boolean {
  if (request.complete || request.listenerCount('error') === 0) return false;
  return request.emit('error', fail('invalid_request', 'the body is not well-formed HTTP/1.1', { cause }));
}

async function close(
  { server, cut }: HttpServer,
  state: State,
  wait: { clock: Clock; graceMs: number },
): Promise<void> {
  state.waning = true;
  const timer = wait.clock.after(wait.graceMs, cut);
  await acceptWaiting(server);
  // To Node a connection is idle as well whose first request was not read yet: by now all those were.
  state.draining = true;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  timer.cancel();
}

/** As many as the kernel keeps for us, and those that come meanwhile. */
const acceptTurnsMax = 1_024;
/** In the first of them nothing may be accepted any more; in the next ones the last that came are read. */
const quietTurns = 3;

/** The kernel resets those that wait to be accepted when nobody listens any more, and one is accepted in a turn of the loop. */
async function acceptWaiting(server: HttpServer['server']): Promise<void> {
  let quiet = 0;
  const come = () => {
    quiet = 0;
  };
  server.on('connection', come);
  for (let turn = 0; quiet < quietTurns && turn < acceptTurnsMax; turn += 1) {
    quiet += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  server.off('connection', come);
}
