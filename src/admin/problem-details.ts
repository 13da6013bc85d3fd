/** Refusals of the admin API, as RFC 9457 has them. */

import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { ConfigError } from '../config/problem.ts';
import { Failure, type FailureCode } from '../core/failure.ts';
import type { Log } from '../telemetry/log.ts';
import { viewProblem } from './applying.ts';

/** `code` is the failure's own, as on the clients' listener: what programs go by. */
export function sendProblem(
  reply: FastifyReply,
  status: number,
  { detail, ...more }: { readonly detail: string; readonly code?: FailureCode; readonly problems?: object },
): FastifyReply {
  const title = STATUS_CODES[status] ?? 'Error';
  const instance = reply.request.url.split('?')[0];
  const body = { type: 'about:blank', title, status, detail, instance, ...more };
  // A text as it is: Fastify would say in the type what JSON needs no word for.
  return reply.code(status).type('application/problem+json').serializer(String).send(JSON.stringify(body));
}

type ErrorHandler = (
  error: FastifyError | Failure,
  request: FastifyRequest,
  reply: FastifyReply,
) => FastifyReply | Promise<FastifyReply>;

export function createErrorHandler(log: Log): ErrorHandler {
  return (error, request, reply) => {
    if (error instanceof Failure && error.code !== 'internal') return refuse(error, request, reply);
    const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
    if (status < 500)
      return sendProblem(reply, status, { detail: error.message, code: codeOf[status] ?? 'invalid_request' });
    log.error({ path: request.routeOptions.url, cause: error.stack }, 'the admin API made a mistake');
    return sendProblem(reply, 500, { detail: 'the gateway made a mistake; its log has the reason' });
  };
}

/** What Fastify refuses by itself. */
const codeOf: Readonly<Record<number, FailureCode>> = {
  404: 'not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'body_too_large',
  415: 'unsupported_media_type',
};

function refuse(
  failure: Failure,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply | Promise<FastifyReply> {
  const { status, message, code, retryAfterS, cause } = failure;
  if (retryAfterS !== undefined) reply.header('retry-after', retryAfterS);
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="millrace-admin"');
  if (status === 401 && wantsPage(request)) return sendClosedPage(reply);
  if (cause instanceof ConfigError) {
    return sendProblem(reply, 422, { detail: message, code, problems: cause.problems.map(viewProblem) });
  }
  return sendProblem(reply, status, { detail: message, code });
}

/** A person with a browser, who has no way to send a header. */
function wantsPage({ routeOptions, headers }: FastifyRequest): boolean {
  const isPage = routeOptions.config.row?.alsoAs?.some((type) => type.startsWith('text/html')) === true;
  return isPage && headers.accept?.includes('text/html') === true;
}

async function sendClosedPage(reply: FastifyReply): Promise<FastifyReply> {
  const { renderClosed } = await import('../openapi/pages/closed-page.ts');
  const { pageHeaders, pageType } = await import('../openapi/pages/page.ts');
  return reply.code(401).headers(pageHeaders).type(pageType).send(renderClosed());
}
