/** A server for HTTP/1.1, with TLS in front where it is asked for. */
import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Certificate } from './certificate.ts';

export interface ListenerTls {
  readonly certificate: Certificate;
  readonly minVersion: '1.2' | '1.3';
  /** For how long browsers come back over TLS alone; 0 says nothing to them. */
  readonly hstsS: number;
}

export interface HttpServer {
  readonly server: Server;
  /** What every reply says besides its own. */
  readonly headers: readonly string[];
  /** For connections from now on; those that are open stay as they are. Does nothing without TLS. */
  present(certificate: Certificate): void;
  /** Cuts all connections, those as well whose handshake is not done. */
  cut(): void;
}

export interface HttpServerOptions extends ServerOptions {
  /** A handshake that is not done by then is cut. */
  readonly handshakeMs: number;
}

export function createHttpServer(options: HttpServerOptions, tls: ListenerTls | undefined): HttpServer {
  if (tls === undefined) {
    const server = createServer(options);
    return { server, headers: [], present: () => {}, cut: () => server.closeAllConnections() };
  }
  const secrets = ({ cert, key }: Certificate) =>
    ({ cert, key, minVersion: `TLSv${tls.minVersion}` }) as const;
  const server = createTlsServer({
    ...options,
    ...secrets(tls.certificate),
    handshakeTimeout: options.handshakeMs,
    // HTTP/2 stays outside (S34).
    ALPNProtocols: ['http/1.1'],
  });
  const headers = tls.hstsS === 0 ? [] : ['strict-transport-security', `max-age=${tls.hstsS}`];
  return {
    server,
    headers,
    present: (certificate) => server.setSecureContext(secrets(certificate)),
    cut: cutterOf(server),
  };
}

/** Of connections in their handshake the HTTP side of the server does not know yet. */
function cutterOf(server: TlsServer): () => void {
  const sockets = new Set<Socket>();
  server.prependListener('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // Node would take a failed handshake for a malformed request and answer it in HTTP.
  server.removeAllListeners('tlsClientError');
  server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}
