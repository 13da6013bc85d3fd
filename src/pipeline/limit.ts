/**
 * How often a caller may come, and how often at once. Each of the two stages takes from all the limits of its kind that apply, or from
 * none: those that ask for nothing but the caller before any work is done, those that ask for the call once it is known.
 */
import type { Authenticated, Planned } from '../core/exchange.ts';
import { type Failure, type FailureCode, fail } from '../core/failure.ts';
import type { LimitDecision, LimitSubject, RateLimiter } from '../core/ports.ts';
import { type Handler, onEnded, type Reply, type Stage } from '../core/stage.ts';
import { tightest } from '../core/standing.ts';
import type { Trail } from '../core/trail.ts';
import { partyOf } from '../net/peer-address.ts';
import { callerOf } from './caller.ts';
import { estimateTokens } from './token-estimate.ts';

export interface LimitOptions {
  readonly limiter: RateLimiter;
}

export function limit({ limiter }: LimitOptions): Stage<Authenticated> {
  return (next) => {
    if (!limiter.limitsCallers) return next;
    return (exchange) => {
      if (exchange.route.permission === 'public' || isAtHome(exchange)) return next(exchange);
      const isRead = isSmall(exchange);
      const together = isRead ? exchange.trail.id : undefined;
      const decision = limiter.take(subjectOf(exchange, together));
      if (isRead && decision instanceof Promise) return goOn(decision, next, exchange);
      return decide(decision, next, exchange);
    };
  };
}

/** Reading so much is no work: it is done while the replicas' limits are asked. More than that waits for their answer. */
const smallBytesMax = 64 * 1024;

function isSmall({ route, incoming }: Authenticated): boolean {
  const { headers } = incoming;
  const length = headers['content-length'];
  return (
    route.endpoint !== undefined &&
    headers['content-encoding'] === undefined &&
    length !== undefined &&
    Number(length) <= smallBytesMax
  );
}

export function limitCall({ limiter }: LimitOptions): Stage<Planned> {
  return (next) => {
    if (!limiter.limitsCalls) return next;
    return (exchange) => {
      if (isAtHome(exchange)) return next(exchange);
      const { trail, admission } = exchange;
      // It only goes on to be told so.
      if (trail.turnedAway && admission !== undefined) return admission.then(() => next(exchange));
      const call = { model: trail.model, tokens: estimateTokens(exchange.call) };
      const together = admission === undefined ? undefined : trail.id;
      const decision = limiter.take({ ...subjectOf(exchange, together), call });
      return decision instanceof Promise ? goOn(decision, next, exchange) : enforce(decision, next, exchange);
    };
  };
}

/** On loopback nobody is a stranger. */
function isAtHome({ incoming }: Authenticated): boolean {
  return incoming.onLoopback;
}

function subjectOf(
  { principal, incoming, route }: Authenticated,
  together: string | undefined,
): LimitSubject {
  const caller = callerOf(principal);
  return {
    key: caller.keyOfTenant,
    user: caller.userOfTenant,
    team: caller.teamOfTenant,
    tenant: caller.tenant,
    address: partyOf(incoming.remoteAddress),
    route: route.name,
    exchange: together,
    found: caller,
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
  const { trail } = exchange;
  trail.standing = tightest(trail.standing, decision.standing);
  if (!decision.allowed) return Promise.reject(refusalOf(decision));
  const { settle } = decision;
  return settle === undefined ? next(exchange) : settled(next, exchange, settle);
}

/**
 * What follows is asked at the same time: all of it together is one way to the store that replicas share and back.
 * Whoever must not go on without an answer waits for `admission`.
 */
async function goOn<X extends Authenticated>(
  decision: Promise<LimitDecision>,
  next: Handler<X>,
  exchange: X,
): Promise<Reply> {
  const { trail, admission: before } = exchange;
  const asked = decision.then((taken) => {
    trail.standing = tightest(trail.standing, taken.standing);
    if (!taken.allowed) {
      trail.turnedAway = true;
      throw refusalOf(taken);
    }
    return taken.settle;
  });
  const admission = before === undefined ? asked : Promise.all([before, asked]);
  // Nobody waits for it where something else ends the exchange first.
  admission.catch(() => {});
  const replied = next({ ...exchange, admission });
  const [answer, reply] = await Promise.allSettled([asked, replied]);
  if (answer.status === 'rejected') {
    // It is none of ours what else went wrong meanwhile, nor what was found.
    if (reply.status === 'fulfilled' && !(reply.value.body instanceof Uint8Array)) reply.value.body.abort();
    throw answer.reason;
  }
  const settle = answer.value;
  if (reply.status === 'rejected') {
    settle?.(tokensOf(trail));
    throw reply.reason;
  }
  if (settle !== undefined) onEnded(reply.value, () => settle(tokensOf(trail)));
  return reply.value;
}

function refusalOf({ limit: name, retryAfterMs }: Extract<LimitDecision, { allowed: false }>): Failure {
  const retryAfterS = retryAfterMs / 1_000;
  return fail('rate_limited', `the limit ${name} is reached; try again in ${Math.ceil(retryAfterS)} s`, {
    retryAfterS,
  });
}

/** Tells what the call came to, once, however it ended. */
async function settled<X extends Authenticated>(
  next: Handler<X>,
  exchange: X,
  settle: (tokens: number | undefined) => void,
): Promise<Reply> {
  const { trail } = exchange;
  try {
    const reply = await next(exchange);
    onEnded(reply, () => settle(tokensOf(trail)));
    return reply;
  } catch (thrown) {
    settle(tokensOf(trail));
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
