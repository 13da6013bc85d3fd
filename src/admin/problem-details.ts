/** Refusals of the admin API, as RFC 9457 has them. */

import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { Failure, type FailureCode } from '../core/failure.ts';
import type { Log } from '../telemetry/log.ts';

/** `code` is the failure's own, as on the clients' listener: what programs go by. */
export function sendProblem(
  reply: FastifyReply,
  status: number,
  { detail, code }: { readonly detail: string; readonly code?: FailureCode },
): FastifyReply {
  const title = STATUS_CODES[status] ?? 'Error';
  const instance = reply.request.url.split('?')[0];
  const body = { type: 'about:blank', title, status, detail, instance, code };
  // A text as it is: Fastify would say in the type what JSON needs no word for.
  return reply.code(status).type('application/problem+json').serializer(String).send(JSON.stringify(body));
}

export function createErrorHandler(log: Log) {
  return (error: FastifyError | Failure, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof Failure && error.code !== 'internal') {
      if (error.retryAfterS !== undefined) reply.header('retry-after', error.retryAfterS);
      if (error.status === 401) reply.header('www-authenticate', 'Bearer realm="millrace-admin"');
      return sendProblem(reply, error.status, { detail: error.message, code: error.code });
    }
    const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
    if (status < 500) return sendProblem(reply, status, { detail: error.message });
    log.error({ path: request.routeOptions.url, cause: error.stack }, 'the admin API made a mistake');
    return sendProblem(reply, 500, { detail: 'the gateway made a mistake; its log has the reason' });
  };
}
