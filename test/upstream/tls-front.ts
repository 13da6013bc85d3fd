// TLS before a fake LLM, in HTTP/2 or HTTP/1.1: passes requests on, and tells how they came.
import { once } from 'node:events';
import { request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  constants,
  createSecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Identity } from './certificate.ts';

export interface TlsFrontOptions {
  readonly identity: Identity;
  /** The port of the fake LLM behind it. */
  readonly target: number;
  /** What it speaks; with `h2`, HTTP/1.1 to clients that want no more. */
  readonly protocol?: 'h2' | 'http/1.1';
  /** What it allows its HTTP/2 clients. */
  readonly settings?: Settings;
}

export interface TlsFront {
  readonly port: number;
  /** The HTTP version of every request so far. */
  readonly versions: readonly string[];
  /** Open HTTP/2 sessions. */
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  /** The requests that are being answered. */
  readonly answering: ReadonlySet<Answer>;
  /** Handshakes that were completed. */
  handshakes(): number;
  /** TCP connections ever accepted. */
  accepted(): number;
  close(): Promise<void>;
}

/** Both protocols answer alike; over HTTP/2 there is a stream. */
type Answer = ServerResponse & { readonly stream?: ServerHttp2Stream };

export async function openTlsFront(options: TlsFrontOptions): Promise<TlsFront> {
  const { identity, protocol = 'h2', settings = {} } = options;
  const server =
    protocol === 'h2'
      ? createSecureServer({ ...identity, allowHTTP1: true, settings })
      : createServer({ ...identity });
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  const answering = new Set<Answer>();
  const versions: string[] = [];
  let accepted = 0;
  let handshakes = 0;
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('secureConnection', () => {
    handshakes += 1;
  });
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => session.destroy());
  });
  server.on('request', (request: IncomingMessage, response: Answer) => {
    versions.push(request.httpVersion);
    answering.add(response);
    response.on('close', () => answering.delete(response));
    passOn(options.target, request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    versions,
    sessions,
    answering,
    handshakes: () => handshakes,
    accepted: () => accepted,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Whatever breaks on one side breaks the other. */
function passOn(port: number, request: IncomingMessage, response: Answer): void {
  const { method = 'GET', url: path = '/' } = request;
  const names = Object.entries(request.headers).filter(([name]) => !name.startsWith(':'));
  const onward = forward({ port, host: '127.0.0.1', method, path, headers: Object.fromEntries(names) });
  const broken = () => {
    if (response.stream === undefined) response.destroy();
    else response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  };
  onward.on('error', broken);
  onward.on('response', (answer) => {
    const headers = Object.entries(answer.headers).filter(([name]) => !ofOneConnection.has(name));
    response.writeHead(answer.statusCode ?? 502, Object.fromEntries(headers));
    answer.on('error', broken);
    answer.pipe(response);
  });
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}

const ofOneConnection = new Set(['connection', 'keep-alive', 'transfer-encoding']);
