/** Refusals of the admin API, as RFC 9457 has them. */

import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { Failure } from '../core/failure.ts';
import type { Log } from '../telemetry/log.ts';

export function sendProblem(reply: FastifyReply, status: number, detail: string): FastifyReply {
  const title = STATUS_CODES[status] ?? 'Error';
  const body = { type: 'about:blank', title, status, detail, instance: reply.request.url.split('?')[0] };
  // Serialised here: the schema of the route describes its success.
  return reply.code(status).type('application/problem+json').serializer(String).send(JSON.stringify(body));
}

export function createErrorHandler(log: Log) {
  return (error: FastifyError | Failure, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof Failure && error.code !== 'internal') {
      if (error.retryAfterS !== undefined) reply.header('retry-after', error.retryAfterS);
      return sendProblem(reply, error.status, error.message);
    }
    const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
    if (status < 500) return sendProblem(reply, status, error.message);
    log.error({ path: request.routeOptions.url, cause: error.stack }, 'the admin API made a mistake');
    return sendProblem(reply, 500, 'the gateway made a mistake; its log has the reason');
  };
}
