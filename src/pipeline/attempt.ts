/**
 * The one retry loop (G17): another upstream, and only while the client has seen no content. When no target of a model
 * can, its fallbacks are asked.
 */
import type { Fallback, Planned } from '../core/exchange.ts';
import { asFailure, type Failure, type FailureCode, fail } from '../core/failure.ts';
import { type Handler, onEnded, type Reply, type Stage } from '../core/stage.ts';
import type { Trail } from '../core/trail.ts';
import type { Clock } from '../lib/clock.ts';
import { heldLine } from './held-line.ts';
import { leaveTry } from './leave-try.ts';
import type { LineOptions } from './line-comments.ts';

export interface AttemptOptions extends LineOptions {
  /** How many times an exchange may be sent at most, the first included. */
  readonly attempts: number;
  /** The share of the load that may be retries. */
  readonly share: number;
  readonly budget: {
    asked(nowMs: number): void;
    take(share: number): boolean;
  };
  /** How long a request is refused that broke upstreams; 0 where none is. */
  readonly quarantineMs: number;
  readonly quarantine: Quarantine;
  /** Told of each attempt that failed, the last of the trail. */
  readonly onFailed: (trail: Trail, failure: Failure) => void;
}

interface Quarantine {
  readonly isEmpty: boolean;
  assertFree(suspect: Suspect): void;
  broke(suspect: Suspect, upstream: string, forMs: number): boolean;
  served(suspect: Suspect): void;
}

interface Suspect {
  readonly tenant: string;
  readonly bytes: Uint8Array;
}

/** A try that has less time left than this cannot finish. */
const tryMsMin = 100;
/** Where the same server is asked again, it is within so long: not all who were cut off there at the same moment. */
const repeatMsMax = 50;

/** No target of the model could, for a reason that another model may not have. */
const unable: ReadonlySet<FailureCode> = new Set([
  'no_upstream',
  'queue_full',
  'queue_timeout',
  'context_length_exceeded',
]);
/** The server is well: it is this model on it that cannot. */
const ofTheModel: ReadonlySet<FailureCode> = new Set([
  'upstream_model_missing',
  'upstream_failed',
  'bad_upstream_response',
  'context_length_exceeded',
]);

export function attempt(options: AttemptOptions): Stage<Planned> {
  const { clock, budget, quarantine } = options;
  return (next) => (exchange) => {
    const startedMs = clock.now();
    budget.asked(startedMs);
    const sent = quarantine.isEmpty ? next(exchange) : suspected(options, next, exchange);
    return sent.catch((thrown: unknown) => {
      const failure = asFailure(thrown);
      record(options, { exchange, failure }, startedMs);
      // Who waits for a slot only now is told so as well.
      return heldLine(options, exchange, again(options, next, { exchange, failure }));
    });
  };
}

interface Failed {
  readonly exchange: Planned;
  readonly failure: Failure;
}

/** Some bodies have broken upstreams lately, and this may be one of them. */
function suspected(options: AttemptOptions, next: Handler<Planned>, exchange: Planned): Promise<Reply> {
  const { quarantine } = options;
  try {
    quarantine.assertFree(suspectOf(exchange));
  } catch (refusal) {
    return Promise.reject(refusal);
  }
  return next(exchange).then((reply) => absolved(options, exchange, reply));
}

/** Whatever broke, what is answered did not break it. */
function absolved({ quarantine }: AttemptOptions, exchange: Planned, reply: Reply): Reply {
  onEnded(reply, ({ kind }) => {
    if (kind === 'complete' && !quarantine.isEmpty) quarantine.served(suspectOf(exchange));
  });
  return reply;
}

async function again(options: AttemptOptions, next: Handler<Planned>, first: Failed): Promise<Reply> {
  let { exchange, failure } = first;
  let soonestS = waitOf(failure);
  for (;;) {
    refusePoison(options, { exchange, failure });
    const retry = retryOf(options, { exchange, failure });
    if (retry === undefined) break;
    leaveTry(exchange, failure);
    if (retry === exchange) await pause(options.clock, Math.random() * repeatMsMax);
    exchange = retry;
    const startedMs = options.clock.now();
    try {
      return absolved(options, exchange, await next(exchange));
    } catch (thrown) {
      failure = asFailure(thrown);
      soonestS = Math.min(soonestS, waitOf(failure));
      record(options, { exchange, failure }, startedMs);
    }
  }
  // Of several accounts that told it to wait, the first one that may be asked again counts.
  throw waitOf(failure) > soonestS && Number.isFinite(waitOf(failure))
    ? failure.with({ retryAfterS: soonestS })
    : failure;
}

function waitOf({ code, retryAfterS }: Failure): number {
  return code === 'upstream_rate_limited'
    ? (retryAfterS ?? Number.POSITIVE_INFINITY)
    : Number.POSITIVE_INFINITY;
}

/** A request whose connection broke, and not what a server said, may be what breaks servers. */
function refusePoison({ quarantine, quarantineMs }: AttemptOptions, { exchange, failure }: Failed): void {
  if (failure.code !== 'upstream_cut' || quarantineMs === 0) return;
  if (!quarantine.broke(suspectOf(exchange), exchange.trail.upstream, quarantineMs)) return;
  const forS = Math.ceil(quarantineMs / 1_000);
  throw fail(
    'poison_suspected',
    `the connections to two upstreams broke with this request, which may be what breaks them; it is not sent again for ${forS} s`,
    { cause: failure },
  );
}

/** The exchange with what failed left out, or nothing when another try is pointless. */
function retryOf(options: AttemptOptions, { exchange, failure }: Failed): Planned | undefined {
  const { trail, signal, clocks } = exchange;
  if (signal.aborted || isPaidFor(exchange) || trail.attempts.length >= options.attempts) return undefined;
  if (trail.startedMs + clocks.totalMs - options.clock.now() < tryMsMin) return undefined;
  const retry = elsewhere(exchange, failure) ?? fallenBack(exchange, failure) ?? repeated(exchange, failure);
  // Who was sent nowhere yet adds nothing to the load.
  const isExtra = retry !== undefined && trail.attempts.length > 0;
  return isExtra && !options.budget.take(options.share) ? undefined : retry;
}

/** On another upstream of the same model. */
function elsewhere(exchange: Planned, failure: Failure): Planned | undefined {
  if (!failure.retry || exchange.trail.upstream === '') return undefined;
  const visited = new Set(exchange.visited).add(exchange.trail.upstream);
  const isLeft = exchange.candidates.some(({ upstream }) => !visited.has(upstream.name));
  return isLeft ? { ...exchange, visited } : undefined;
}

/** With the next model that has somebody left. */
function fallenBack(exchange: Planned, failure: Failure): Planned | undefined {
  const { fallbacks, trail } = exchange;
  // Of several requests in one call only one may be too long: that is found out before anybody is sent to another model.
  if (exchange.batch !== undefined && failure.blame === 'client') return undefined;
  if (fallbacks.length === 0 || !(failure.retry || unable.has(failure.code))) return undefined;
  const isWell = trail.upstream === '' || ofTheModel.has(failure.code);
  const visited = isWell ? exchange.visited : new Set(exchange.visited).add(trail.upstream);
  const at = fallbacks.findIndex(({ targets }) =>
    targets.some(({ upstream }) => !visited.has(upstream.name)),
  );
  const fallback = fallbacks[at];
  if (fallback === undefined) return undefined;
  trail.warn([`${fallback.name} was asked in place of ${trail.model}`]);
  trail.model = fallback.name;
  return { ...exchange, ...planOf(fallback, exchange), visited, fallbacks: fallbacks.slice(at + 1) };
}

/** Whoever asks has as much time as before, whichever model answers. */
function planOf({ targets, policy, clocks }: Fallback, exchange: Planned) {
  const totalMs = Math.min(clocks.totalMs, exchange.clocks.totalMs);
  return { candidates: targets, policy, clocks: { ...clocks, totalMs } };
}

/**
 * A server may close an idle connection in the moment we write to it. Nobody tells which connections were idle, so that
 * the first try is repeated where it was whenever it was cut without a byte of an answer: once, no more.
 */
function repeated(exchange: Planned, failure: Failure): Planned | undefined {
  const firstCut = failure.code === 'upstream_cut' && exchange.trail.attempts.length === 1;
  return firstCut && exchange.trail.firstByteMs === 0 ? exchange : undefined;
}

/** What came of an answer that is counted as it comes costs money: asked for again, it would be paid for twice. */
function isPaidFor({ meter, trail }: Planned): boolean {
  return meter !== undefined && trail.outputSeen > 0;
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}

function suspectOf({ principal, call }: Planned): Suspect {
  return { tenant: principal.tenant, bytes: call.wire.bytes };
}

function record(options: AttemptOptions, { exchange, failure }: Failed, startedMs: number): void {
  const { trail } = exchange;
  // Who never got a slot was sent nowhere: that is no attempt.
  if (trail.upstream === '') return;
  const tookMs = options.clock.now() - startedMs;
  trail.attempts.push({ upstream: trail.upstream, model: trail.targetModel, code: failure.code, tookMs });
  options.onFailed(trail, failure);
}
