/** Rates: how often a caller may come. Takes from all limits that apply, or from none. */
import type { Authenticated } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import type { LimitDecision, RateLimiter } from '../core/ports.ts';
import type { Handler, Reply, Stage } from '../core/stage.ts';

export interface LimitOptions {
  readonly limiter: RateLimiter;
}

export function limit(options: LimitOptions): Stage<Authenticated> {
  return (next) => (exchange) => {
    const { principal, incoming, route } = exchange;
    if (route.permission === 'public') return next(exchange);
    const decision = options.limiter.take({
      key: principal.keyName,
      tenant: principal.tenant,
      address: incoming.remoteAddress,
      route: route.name,
      onLoopback: incoming.onLoopback,
    });
    // Waited for only where there is something to wait for: a promise costs more than a limit in memory.
    if (decision instanceof Promise) return decision.then((taken) => enforce(taken, next, exchange));
    return enforce(decision, next, exchange);
  };
}

function enforce(
  decision: LimitDecision,
  next: Handler<Authenticated>,
  exchange: Authenticated,
): Promise<Reply> {
  if (decision.allowed) return next(exchange);
  return Promise.reject(
    fail('rate_limited', `the limit ${decision.limit} is reached; try again in ${decision.retryAfterS} s`, {
      retryAfterS: decision.retryAfterS,
    }),
  );
}
