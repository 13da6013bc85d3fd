/**
 * Rates: how often a caller may come. Each of the two stages takes from all the limits of its kind that apply, or from
 * none: those that ask for nothing but the caller before any work is done, those that ask for the call once it is known.
 */
import type { Authenticated, Planned } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import type { LimitDecision, LimitSubject, RateLimiter } from '../core/ports.ts';
import type { Handler, Reply, Stage } from '../core/stage.ts';

export interface LimitOptions {
  readonly limiter: RateLimiter;
}

export function limit(options: LimitOptions): Stage<Authenticated> {
  return (next) => (exchange) => {
    if (exchange.route.permission === 'public') return next(exchange);
    return decide(options.limiter.take(subjectOf(exchange)), next, exchange);
  };
}

export function limitCall(options: LimitOptions): Stage<Planned> {
  const { limiter } = options;
  return (next) => {
    if (!limiter.limitsCalls) return next;
    return (exchange) => {
      const call = { model: exchange.trail.model };
      return decide(limiter.take({ ...subjectOf(exchange), call }), next, exchange);
    };
  };
}

function subjectOf({ principal, incoming, route }: Authenticated): LimitSubject {
  return {
    key: principal.keyName,
    tenant: principal.tenant,
    address: incoming.remoteAddress,
    route: route.name,
    onLoopback: incoming.onLoopback,
  };
}

/** Waited for only where there is something to wait for: a promise costs more than a limit in memory. */
function decide<X>(
  decision: LimitDecision | Promise<LimitDecision>,
  next: Handler<X>,
  exchange: X,
): Promise<Reply> {
  if (decision instanceof Promise) return decision.then((taken) => enforce(taken, next, exchange));
  return enforce(decision, next, exchange);
}

function enforce<X>(decision: LimitDecision, next: Handler<X>, exchange: X): Promise<Reply> {
  if (decision.allowed) return next(exchange);
  return Promise.reject(
    fail('rate_limited', `the limit ${decision.limit} is reached; try again in ${decision.retryAfterS} s`, {
      retryAfterS: decision.retryAfterS,
    }),
  );
}
