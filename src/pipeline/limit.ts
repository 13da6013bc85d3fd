/**
 * Rates: how often a caller may come. Each of the two stages takes from all the limits of its kind that apply, or from
 * none: those that ask for nothing but the caller before any work is done, those that ask for the call once it is known.
 */
import type { Authenticated, Planned } from '../core/exchange.ts';
import { type FailureCode, fail } from '../core/failure.ts';
import type { LimitDecision, LimitSubject, RateLimiter } from '../core/ports.ts';
import { type Handler, onEnded, type Reply, type Stage } from '../core/stage.ts';
import type { Trail } from '../core/trail.ts';
import { estimateTokens } from './token-estimate.ts';

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
      const call = { model: exchange.trail.model, tokens: estimateTokens(exchange.call) };
      return decide(limiter.take({ ...subjectOf(exchange), call }), next, exchange);
    };
  };
}

function subjectOf({ principal, incoming, route }: Authenticated): LimitSubject {
  return {
    key: `${principal.tenant}/${principal.keyName}`,
    user: principal.user === '' ? '' : `${principal.tenant}/${principal.user}`,
    team: principal.team === '' ? '' : `${principal.tenant}/${principal.team}`,
    tenant: principal.tenant,
    address: incoming.remoteAddress,
    route: route.name,
    onLoopback: incoming.onLoopback,
  };
}

/** Waited for only where there is something to wait for: a promise costs more than a limit in memory. */
function decide<X extends Authenticated>(
  decision: LimitDecision | Promise<LimitDecision>,
  next: Handler<X>,
  exchange: X,
): Promise<Reply> {
  if (decision instanceof Promise) return decision.then((taken) => enforce(taken, next, exchange));
  return enforce(decision, next, exchange);
}

function enforce<X extends Authenticated>(
  decision: LimitDecision,
  next: Handler<X>,
  exchange: X,
): Promise<Reply> {
  if (decision.allowed) {
    const { settle } = decision;
    return settle === undefined ? next(exchange) : settled(next(exchange), exchange.trail, settle);
  }
  return Promise.reject(
    fail('rate_limited', `the limit ${decision.limit} is reached; try again in ${decision.retryAfterS} s`, {
      retryAfterS: decision.retryAfterS,
    }),
  );
}

/** Tells what the call came to, once, however it ended. */
async function settled(
  replying: Promise<Reply>,
  trail: Trail,
  settle: (tokens: number) => void,
): Promise<Reply> {
  const tell = () => {
    const tokens = tokensOf(trail);
    if (tokens !== undefined) settle(tokens);
  };
  try {
    const reply = await replying;
    onEnded(reply, tell);
    return reply;
  } catch (thrown) {
    tell();
    throw thrown;
  }
}

const neverSent: ReadonlySet<string> = new Set<FailureCode>([
  'connect_failed',
  'connect_timeout',
  'tls_error',
]);

/** None where nothing was sent; unknown where an upstream worked and did not say how much: then the estimate stays. */
function tokensOf({ usage, sentMs, attempts }: Trail): number | undefined {
  if (usage !== undefined) return usage.inputTokens + usage.outputTokens;
  return sentMs === 0 && attempts.every(({ code }) => neverSent.has(code)) ? 0 : undefined;
}
