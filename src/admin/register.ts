/** Puts the rows on the listener: each is admitted before its body is read, checked by its schemas, done and answered. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Failure, fail } from '../core/failure.ts';
import { Signal } from '../core/signal.ts';
import type { WrongKeys } from '../identity/wrong-keys.ts';
import { plainAddress } from '../net/peer-address.ts';
import type { AdminActor } from './actor.ts';
import { type Admission, admit, tenantOf } from './admission.ts';
import { type AdminAnswer, type AdminCall, type AdminRoute, queryOf } from './route.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly row?: AdminRoute;
  }
  interface FastifyRequest {
    /** Absent on routes that are public. */
    admission?: Admission;
  }
}

type Given = AdminAnswer<AdminRoute['answers']>;

/** What is done around each handler: `next` goes on to it. */
export type Around = (row: AdminRoute, call: AdminCall, next: () => Promise<Given>) => Promise<Given>;

export interface RegisterOptions {
  readonly rows: readonly AdminRoute[];
  readonly findActor: (request: FastifyRequest) => Promise<AdminActor | undefined>;
  readonly homeTenant: () => string;
  /** When those are told who show nothing that is known. */
  readonly wrongKeys: Pick<WrongKeys, 'turn'>;
  /** From the outermost to the innermost. */
  readonly around: readonly Around[];
  /** Told of each request that is turned away. */
  readonly onRefused: (refused: RefusedRequest) => void;
}

export interface RefusedRequest {
  /** Nothing where a credential was sent that is none of ours. */
  readonly actor: AdminActor | undefined;
  readonly row: AdminRoute | undefined;
  readonly address: string;
}

export function registerRoutes(server: FastifyInstance, options: RegisterOptions): void {
  server.addHook('onRoute', ({ config, method, url }) => {
    if (config?.row === undefined)
      throw new TypeError(`${method} ${url} stands in no row: nobody said who may`);
  });
  server.decorateRequest('admission', undefined);
  server.addHook('onRequest', (request, reply) => admitRequest(request, reply, options));
  for (const row of options.rows) {
    const { method, path: url, params, body, bodyBytesMax: bodyLimit } = row;
    const querystring = queryOf(row);
    server.route({
      method,
      url,
      config: { row },
      ...(bodyLimit === undefined ? {} : { bodyLimit }),
      schema: {
        querystring,
        ...(params === undefined ? {} : { params }),
        ...(body === undefined ? {} : { body }),
      },
      handler: (request, reply) => serve(request, reply, { row, options }),
    });
  }
}

/** By the row that matched, not by the text of the path; what matches none needs a credential too (G1). */
async function admitRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  options: RegisterOptions,
): Promise<void> {
  const { row } = request.routeOptions.config;
  if (row?.permission === 'public') return;
  const address = plainAddress(request.socket.remoteAddress);
  const actor = await identify(request, options).catch((refusal: unknown) =>
    refuseInTurn(reply, refusal, options.wrongKeys),
  );
  if (row === undefined) return;
  try {
    request.admission = admit(actor, row, { homeTenant: options.homeTenant(), address });
  } catch (refusal) {
    options.onRefused({ actor, row, address });
    throw refusal;
  }
}

async function identify(request: FastifyRequest, options: RegisterOptions): Promise<AdminActor> {
  const actor = await options.findActor(request);
  if (actor !== undefined) return actor;
  const { row } = request.routeOptions.config;
  const address = plainAddress(request.socket.remoteAddress);
  if (request.headers.authorization !== undefined) options.onRefused({ actor, row, address });
  throw fail(
    'invalid_api_key',
    'send the admin token as "Authorization: Bearer TOKEN", or a key of a suitable role; the token is kept in the data folder',
  );
}

/** As on the clients' listener, and in one line with it. */
async function refuseInTurn(
  reply: FastifyReply,
  refusal: unknown,
  wrongKeys: RegisterOptions['wrongKeys'],
): Promise<never> {
  if (refusal instanceof Failure && refusal.code === 'invalid_api_key') {
    const left = new Signal();
    reply.raw.once('close', () => left.abort());
    await wrongKeys.turn(left);
  }
  throw refusal;
}

const nobody: Admission = {
  actor: { name: '', tenant: '', team: '', user: '', role: 'viewer', how: 'session' },
  reach: 'own',
};

async function serve(
  request: FastifyRequest,
  reply: FastifyReply,
  { row, options }: { row: AdminRoute; options: RegisterOptions },
): Promise<FastifyReply> {
  const call = callOf(request, row, options);
  const handle = async () => await row.handle(call);
  const act = options.around.reduceRight<() => Promise<Given>>(
    (next, around) => () => around(row, call, next),
    handle,
  );
  return send(reply, row, await act());
}

function callOf(request: FastifyRequest, row: AdminRoute, options: RegisterOptions): AdminCall {
  const { actor, reach } = request.admission ?? nobody;
  const { params, body, headers } = request;
  const query = request.query as { readonly tenant?: string };
  const asked = row.scope === 'tenant' ? query.tenant : undefined;
  const address = plainAddress(request.socket.remoteAddress);
  try {
    const meant = tenantOf(actor, asked, options.homeTenant());
    return { actor, reach, ...meant, params, query, body, headers, address };
  } catch (refusal) {
    options.onRefused({ actor, row, address });
    throw refusal;
  }
}

/** What does not fit its own schema is a mistake of ours, and is not sent. */
function send(reply: FastifyReply, row: AdminRoute, answer: Given): FastifyReply {
  reply.code(answer.status).headers(answer.headers ?? {});
  if ('stream' in answer) return reply.type(answer.type).send(answer.stream);
  if ('text' in answer) return reply.type(answer.type).send(answer.text);
  const shape = row.answers[answer.status];
  if (shape === undefined) throw new TypeError(`${row.name} does not name the status ${answer.status}`);
  const body = shape.parse(answer.body);
  if (body === undefined) return reply.send();
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(body));
}
