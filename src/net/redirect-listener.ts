/** Sends those who come without TLS to where it is. Reads no body, and nothing but the path and the host. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Doorkeeper } from './doorkeeper.ts';
import { type ListenPlace, listen } from './listen.ts';

export interface RedirectOptions {
  readonly doorkeeper: Doorkeeper;
  /** The port of the listener with TLS. */
  readonly toPort: number;
}

export interface RedirectListener {
  readonly port: number;
  /** At once: nobody waits for anything here. */
  close(): Promise<void>;
}

const connectionsMax = 1024;
const headersMs = 5_000;

export async function openRedirectListener(
  address: ListenPlace,
  { doorkeeper, toPort }: RedirectOptions,
): Promise<RedirectListener> {
  const server = createServer(
    {
      headersTimeout: headersMs,
      requestTimeout: headersMs,
      connectionsCheckingInterval: 1_000,
      requireHostHeader: false,
      maxHeaderSize: 16 * 1024,
      joinDuplicateHeaders: true,
    },
    (request, response) => redirect(request, response, toPort),
  );
  server.maxConnections = connectionsMax;
  doorkeeper.guard(server);
  await listen(server, address);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function redirect(request: IncomingMessage, response: ServerResponse, toPort: number): void {
  const host = /^([a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i.exec(
    request.headers.host ?? '',
  )?.[1];
  const { url = '' } = request;
  response.shouldKeepAlive = false;
  if (host === undefined || !url.startsWith('/')) {
    response.writeHead(400, { 'content-length': 0 }).end();
    return;
  }
  const port = toPort === 443 ? '' : `:${toPort}`;
  // 308 keeps the method and has the body sent again.
  response.writeHead(308, { location: `https://${host}${port}${url}`, 'content-length': 0 }).end();
}
