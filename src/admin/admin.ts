/** The operators' listener: its own port, its own token, nothing of it on the way of a request. */

import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import type { ListenAddress } from '../net/listen-address.ts';
import { createHostCheck, createTokenCheck } from './guard.ts';
import { createErrorHandler, sendProblem } from './problem-details.ts';
import { type AdminServer, addMetrics, addProbes, addRoutes } from './routes.ts';
import type { Seen } from './views.ts';
import { serializeByZod, validateByZod, type ZodTypes } from './zod-types.ts';

export interface AdminOptions extends Seen {
  readonly listen: ListenAddress;
  /** At least 32 characters: the configuration sees to it. */
  readonly token: string;
}

export interface Admin {
  readonly port: number;
  close(): Promise<void>;
}

const bodyBytesMax = 64 * 1024;
const connectionsMax = 256;

export async function openAdmin(options: AdminOptions): Promise<Admin> {
  const server = createServer(options);
  const { host, port } = options.listen;
  await server.listen({ host, port });
  return { port: (server.server.address() as AddressInfo).port, close: () => server.close() };
}

function createServer(options: AdminOptions): AdminServer {
  const server: AdminServer = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: 10_000,
    keepAliveTimeout: 65_000,
    http: { maxHeaderSize: 16 * 1024, headersTimeout: 10_000 },
    // Whoever keeps a connection open must not keep the process.
    forceCloseConnections: true,
    exposeHeadRoutes: false,
  }).withTypeProvider<ZodTypes>();
  server.server.maxConnections = connectionsMax;
  server.setValidatorCompiler(validateByZod);
  server.setSerializerCompiler(serializeByZod);
  server.setErrorHandler(createErrorHandler(options.gateway.lasting.log));
  guard(server, options);
  addProbes(server, options);
  addMetrics(server, options);
  addRoutes(server, options);
  return server;
}

const withoutToken: readonly string[] = ['/livez', '/readyz'];

function guard(server: AdminServer, { listen, token }: AdminOptions): void {
  const isOurHost = createHostCheck(listen);
  const isToken = createTokenCheck(token);
  server.addHook('onRequest', async (request, reply) => {
    // Nobody caches what only operators may see, and no page frames or guesses at it.
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    if (!isOurHost(request.headers.host)) {
      return sendProblem(reply, 421, 'the Host header names no address of this listener');
    }
    // By the route that matched, not by the text of the path; what matches none needs the token too (G1).
    if (withoutToken.includes(request.routeOptions.url ?? '')) return undefined;
    if (isToken(request.headers.authorization)) return undefined;
    reply.header('www-authenticate', 'Bearer realm="millrace-admin"');
    return sendProblem(
      reply,
      401,
      'send the admin token as "Authorization: Bearer TOKEN"; it is kept in the data folder',
    );
  });
  server.setNotFoundHandler((request, reply) =>
    sendProblem(
      reply,
      404,
      `there is nothing at ${request.method} ${request.url.split('?')[0]?.slice(0, 200)}`,
    ),
  );
}
