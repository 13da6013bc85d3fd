/** The one retry loop (G17): another candidate, and only while the client has seen no content. */
import type { Planned } from '../core/exchange.ts';
import { asFailure, type Failure } from '../core/failure.ts';
import type { Handler, Reply, Stage } from '../core/stage.ts';
import type { Trail } from '../core/trail.ts';
import type { Clock } from '../lib/clock.ts';

export interface AttemptOptions {
  /** How many times an exchange may be sent at most, the first included. */
  readonly attempts: number;
  readonly clock: Clock;
  /** Told of each attempt that failed, the last of the trail. */
  readonly onFailed: (trail: Trail, failure: Failure) => void;
}

export function attempt(options: AttemptOptions): Stage<Planned> {
  return (next) => (exchange) => {
    const startedMs = options.clock.now();
    return next(exchange).catch((thrown: unknown) => {
      const failure = asFailure(thrown);
      record(options, { exchange, failure }, startedMs);
      return again(options, next, { exchange, failure });
    });
  };
}

interface Failed {
  readonly exchange: Planned;
  readonly failure: Failure;
}

async function again(options: AttemptOptions, next: Handler<Planned>, first: Failed): Promise<Reply> {
  let { exchange, failure } = first;
  for (let sent = 1; sent < options.attempts; sent += 1) {
    const retry = retryOf(exchange, failure);
    if (retry === undefined) break;
    exchange = retry;
    const startedMs = options.clock.now();
    try {
      return await next(exchange);
    } catch (thrown) {
      failure = asFailure(thrown);
      record(options, { exchange, failure }, startedMs);
    }
  }
  throw failure;
}

/** The exchange with what failed left out, or nothing when another try is pointless. */
function retryOf(exchange: Planned, failure: Failure): Planned | undefined {
  if (!failure.retry || exchange.signal.aborted || isPaidFor(exchange)) return undefined;
  const visited = new Set(exchange.visited).add(exchange.trail.upstream);
  if (exchange.candidates.some((candidate) => !visited.has(candidate.upstream.name))) {
    return { ...exchange, visited };
  }
  // A server may close an idle connection in the moment we write to it. Nobody tells which connections were idle, so
  // that the first try is repeated where it was whenever it was cut without a byte of an answer: once, no more.
  const firstCut = failure.code === 'upstream_cut' && exchange.trail.attempts.length === 1;
  return firstCut && exchange.trail.firstByteMs === 0 ? exchange : undefined;
}

/** What came of an answer that is counted as it comes costs money: asked for again, it would be paid for twice. */
function isPaidFor({ meter, trail }: Planned): boolean {
  return meter !== undefined && trail.outputSeen > 0;
}

function record(options: AttemptOptions, { exchange, failure }: Failed, startedMs: number): void {
  const { trail } = exchange;
  // Who never got a slot was sent nowhere: that is no attempt.
  if (trail.upstream === '') return;
  const tookMs = options.clock.now() - startedMs;
  trail.attempts.push({ upstream: trail.upstream, model: trail.targetModel, code: failure.code, tookMs });
  options.onFailed(trail, failure);
}
