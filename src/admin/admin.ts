/** The operators' listener: its own port, its own token, nothing of it on the way of a request. */

import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import type { Config } from '../config/schema.ts';
import { AdminListener } from './admin-listener.ts';
import { createHostCheck, createTokenCheck } from './guard.ts';
import { createErrorHandler, sendProblem } from './problem-details.ts';
import { type AdminServer, addMetrics, addProbes, addRoutes } from './routes.ts';
import type { Seen } from './views.ts';
import { serializeByZod, validateByZod, type ZodTypes } from './zod-types.ts';

export interface AdminOptions extends Seen {
  readonly admin: Pick<Config['admin'], 'listen' | 'tls' | 'allow'>;
  /** At least 32 characters: the configuration sees to it. */
  readonly token: string;
}

export interface Admin {
  readonly port: number;
  /** Reads the certificate's files again; resolves to what is wrong with them. */
  renewCertificate(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const bodyBytesMax = 64 * 1024;

export async function openAdmin(options: AdminOptions): Promise<Admin> {
  const { lasting, snapshot } = options.gateway;
  const { clock, log } = lasting;
  const listener = await AdminListener.open({
    admin: options.admin,
    data: snapshot.config.data,
    clock,
    log,
  });
  const server = createServer(options, listener);
  const { host, port } = options.admin.listen;
  const close = async () => {
    const closed = server.close();
    listener.close();
    await closed;
  };
  try {
    await server.listen({ host, port });
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return {
    port: (server.server.address() as AddressInfo).port,
    renewCertificate: () => listener.renewCertificate(),
    close,
  };
}

function createServer(options: AdminOptions, listener: AdminListener): AdminServer {
  const server: AdminServer = fastify({
    serverFactory: (handler) => listener.createServer().on('request', handler),
    logger: false,
    bodyLimit: bodyBytesMax,
    // Whoever keeps a connection open must not keep the process.
    forceCloseConnections: true,
    exposeHeadRoutes: false,
  }).withTypeProvider<ZodTypes>();
  server.setValidatorCompiler(validateByZod);
  server.setSerializerCompiler(serializeByZod);
  server.setErrorHandler(createErrorHandler(options.gateway.lasting.log));
  guard(server, options, listener);
  addProbes(server, options);
  addMetrics(server, options);
  addRoutes(server, options);
  return server;
}

const withoutToken: readonly string[] = ['/livez', '/readyz'];

function guard(server: AdminServer, { admin, token }: AdminOptions, listener: AdminListener): void {
  const isOurHost = createHostCheck(admin.listen, (name) => listener.covers(name));
  const [hsts, maxAge] = listener.headers;
  const isToken = createTokenCheck(token);
  server.addHook('onRequest', async (request, reply) => {
    // Nobody caches what only operators may see, and no page frames or guesses at it.
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    if (hsts !== undefined) reply.header(hsts, maxAge);
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
