/** What the operators' listener answers, all of it: Fastify with a row for each route. Loaded by the first request. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { type FastifyInstance, fastify } from 'fastify';
import type { Gateway } from '../wiring/gateway.ts';
import { createActorFinder } from './actor.ts';
import type { AdminOptions } from './admin.ts';
import type { AdminListener } from './admin-listener.ts';
import { askedOnce } from './asked-once.ts';
import { audited, auditRefused } from './audited.ts';
import { createHostCheck } from './guard.ts';
import { paced } from './pace.ts';
import { PendingSignIns } from './pending-sign-ins.ts';
import { createErrorHandler, sendProblem } from './problem-details.ts';
import { registerRoutes } from './register.ts';
import type { AdminRoute } from './route.ts';
import { adminRoutes } from './routes.ts';
import { Sessions } from './sessions.ts';
import { SignIn } from './sign-in.ts';
import { validateByZod } from './validate-by-zod.ts';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface AdminApi {
  /** Everything that can be asked of it. */
  readonly routes: readonly AdminRoute[];
  readonly answer: Answer;
  close(): Promise<void>;
}

const bodyBytesMax = 64 * 1024;
/** Of one step of a path. No name is as long. */
const paramCharsMax = 4_096;
/** Nobody caches what only operators may see, and no page frames or guesses at it. */
const onEveryAnswer = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;

export async function openAdminApi(
  options: AdminOptions,
  listener: Pick<AdminListener, 'headers' | 'covers'>,
): Promise<AdminApi> {
  const { lasting } = options.gateway;
  const sessions = new Sessions(lasting.shared.tickets('session', sessionsMax), lasting.clock);
  const signIn = createSignIn(options.gateway, sessions);
  const routes = adminRoutes(options, { signIn, sessions });
  const server = createApi(options, listener, { signIn, routes });
  // Clients are served by the same loop: no more of this than must be is done in one turn.
  await turn();
  await server.ready();
  return { routes, answer: server.routing.bind(server), close: () => server.close() };
}

function createApi(
  options: AdminOptions,
  listener: Pick<AdminListener, 'headers' | 'covers'>,
  { signIn, routes }: { readonly signIn: SignIn; readonly routes: readonly AdminRoute[] },
): FastifyInstance {
  const { gateway } = options;
  const handleError = createErrorHandler(gateway.lasting.log);
  const server = fastify({
    // It never listens: requests are handed to it by the listener, which was there before it.
    serverFactory: () => createServer(),
    // Without these it would load a validator and a serializer of its own, a third of all its code.
    schemaController: { compilersFactory: { buildValidator: noneOfItsOwn, buildSerializer: noneOfItsOwn } },
    logger: false,
    bodyLimit: bodyBytesMax,
    exposeHeadRoutes: false,
    // A row's own schema says how long a name may be, and tells its sender.
    routerOptions: { maxParamLength: paramCharsMax },
    frameworkErrors: (error, request, reply) => {
      reply.headers(onEveryAnswer);
      return handleError(error, request, reply);
    },
  });
  // A configuration as it lies in a file, for `curl --data-binary`.
  server.addContentTypeParser('application/yaml', { parseAs: 'string' }, (_request, text, done) =>
    done(null, { text }),
  );
  server.setValidatorCompiler(validateByZod);
  server.setErrorHandler(handleError);
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
    wrongKeys: gateway.lasting.wrongKeys,
    // What is given again is not done again, and not audited as if it were.
    around: [
      paced({ clock: gateway.lasting.clock, ...options.admin }),
      askedOnce({ claims, bytesMax }),
      audited(gateway.lasting.auditor),
    ],
    onRefused: auditRefused(gateway.lasting.auditor),
  });
  return server;
}

function noneOfItsOwn(): never {
  throw new TypeError('a row is checked by its zod schemas alone');
}

/** Behind a proxy the console goes by the name that people come back to when they sign in. */
function consoleHost({ snapshot }: Gateway): string | undefined {
  const { oidc } = snapshot.config.identity;
  return oidc === undefined ? undefined : new URL(oidc.redirectUrl).hostname;
}

const sessionsMax = 10_000;

function createSignIn(gateway: Gateway, sessions: Sessions): SignIn {
  const { clock, log, auditor, issuers, followed, shared } = gateway.lasting;
  return new SignIn({
    config: () => gateway.snapshot.config.identity.oidc,
    sessions,
    pending: new PendingSignIns({ keys: shared.tickets('sign-in-key', 1), clock }),
    ask: issuers.ask,
    auditor,
    known: (place) => followed.keys.entry(place),
    homeTenant: () => gateway.snapshot.config.identity.homeTenant,
    clock,
    log,
  });
}

function guard(
  server: FastifyInstance,
  { admin, gateway }: AdminOptions,
  listener: Pick<AdminListener, 'headers' | 'covers'>,
): void {
  const isOurHost = createHostCheck(
    admin.listen,
    (name) => listener.covers(name) || name === consoleHost(gateway),
  );
  const [hsts, maxAge] = listener.headers;
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(onEveryAnswer);
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
