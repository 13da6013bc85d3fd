/** The operators' listener: its own port, its own token, nothing of it on the way of a request. */

import type { AddressInfo } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import type { Config } from '../config/schema.ts';
import type { Gateway } from '../wiring/gateway.ts';
import { createActorFinder } from './actor.ts';
import { AdminListener } from './admin-listener.ts';
import { askedOnce } from './asked-once.ts';
import { audited, auditRefused } from './audited.ts';
import { createHostCheck } from './guard.ts';
import { createErrorHandler, sendProblem } from './problem-details.ts';
import { registerRoutes } from './register.ts';
import type { AdminRoute } from './route.ts';
import { adminRoutes } from './routes.ts';
import { Sessions } from './sessions.ts';
import { SignIn } from './sign-in.ts';
import { validateByZod } from './validate-by-zod.ts';
import type { Seen } from './views.ts';

export interface AdminOptions extends Seen {
  readonly admin: Pick<Config['admin'], 'listen' | 'tls' | 'allow'>;
  /** At least 32 characters: the configuration sees to it. */
  readonly token: string;
}

export interface Admin {
  readonly port: number;
  /** Everything that can be asked of it. */
  readonly routes: readonly AdminRoute[];
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
  const sessions = new Sessions(lasting.shared.tickets('session', sessionsMax), clock);
  const signIn = createSignIn(options.gateway, sessions);
  const routes = adminRoutes(options, { signIn, sessions });
  const server = createServer(options, listener, { signIn, routes });
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
    routes,
    renewCertificate: () => listener.renewCertificate(),
    close,
  };
}

function createServer(
  options: AdminOptions,
  listener: AdminListener,
  { signIn, routes }: { readonly signIn: SignIn; readonly routes: readonly AdminRoute[] },
): FastifyInstance {
  const { gateway } = options;
  const server = fastify({
    serverFactory: (handler) => listener.createServer().on('request', handler),
    logger: false,
    bodyLimit: bodyBytesMax,
    // Whoever keeps a connection open must not keep the process.
    forceCloseConnections: true,
    exposeHeadRoutes: false,
  });
  // A configuration as it lies in a file, for `curl --data-binary`.
  server.addContentTypeParser('application/yaml', { parseAs: 'string' }, (_request, text, done) =>
    done(null, { text }),
  );
  server.setValidatorCompiler(validateByZod);
  server.setErrorHandler(createErrorHandler(gateway.lasting.log));
  guard(server, options, listener);
  const { claims } = gateway.lasting;
  const { bytesMax } = gateway.snapshot.config.idempotency;
  const homeTenant = () => gateway.snapshot.config.identity.homeTenant;
  registerRoutes(server, {
    rows: routes,
    findActor: createActorFinder({
      token: options.token,
      keys: () => gateway.snapshot.keys,
      homeTenant,
      findSession: (request) => signIn.find(request),
    }),
    homeTenant,
    // What is given again is not done again, and not audited as if it were.
    around: [askedOnce({ claims, bytesMax }), audited(gateway.lasting.auditor)],
    onRefused: auditRefused(gateway.lasting.auditor),
  });
  return server;
}

/** Behind a proxy the console goes by the name that people come back to when they sign in. */
function consoleHost({ snapshot }: Gateway): string | undefined {
  const { oidc } = snapshot.config.identity;
  return oidc === undefined ? undefined : new URL(oidc.redirectUrl).hostname;
}

const sessionsMax = 10_000;
const pendingMax = 1_000;

function createSignIn(gateway: Gateway, sessions: Sessions): SignIn {
  const { clock, log, auditor, issuers, followed, shared } = gateway.lasting;
  return new SignIn({
    config: () => gateway.snapshot.config.identity.oidc,
    sessions,
    pending: shared.tickets('sign-in', pendingMax),
    ask: issuers.ask,
    auditor,
    known: (place) => followed.keys.entry(place),
    homeTenant: () => gateway.snapshot.config.identity.homeTenant,
    clock,
    log,
  });
}

function guard(server: FastifyInstance, { admin, gateway }: AdminOptions, listener: AdminListener): void {
  const isOurHost = createHostCheck(
    admin.listen,
    (name) => listener.covers(name) || name === consoleHost(gateway),
  );
  const [hsts, maxAge] = listener.headers;
  server.addHook('onRequest', async (request, reply) => {
    // Nobody caches what only operators may see, and no page frames or guesses at it.
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    if (hsts !== undefined) reply.header(hsts, maxAge);
    if (isOurHost(request.headers.host)) return undefined;
    return sendProblem(reply, 421, { detail: 'the Host header names no address of this listener' });
  });
  server.setNotFoundHandler((request, reply) =>
    sendProblem(reply, 404, {
      detail: `there is nothing at ${request.method} ${request.url.split('?')[0]?.slice(0, 200)}`,
      code: 'not_found',
    }),
  );
}
