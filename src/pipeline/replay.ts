/**
 * Does a request with an `Idempotency-Key` once, however often it is sent (C12): what came of it the first time is
 * given again. Such a request is done to its end although its client leaves: who comes again wants the answer.
 */
import type { Parsed } from '../core/exchange.ts';
import { asFailure, type Failure, type FailureCode } from '../core/failure.ts';
import type { ClaimBegun, Claims } from '../core/replay.ts';
import { type Handler, type Reply, type Stage, wholeReply } from '../core/stage.ts';
import type { Trail } from '../core/trail.ts';
import { claimOf, mayBegin, replayedHeader } from '../identity/idempotency.ts';
import { KeptStream } from './kept-stream.ts';
import { headersAgain } from './reply-facts.ts';

export interface ReplayOptions {
  /** Absent where keys are switched off. */
  readonly claims: Claims | undefined;
  /** A larger answer is not kept. */
  readonly bytesMax: number;
}

export function replay({ claims, bytesMax }: ReplayOptions): Stage<Parsed> {
  const bounds = { bytesMax, held: { bytes: 0 } };
  return (next) => (exchange) => {
    const header = exchange.incoming.headers['idempotency-key'];
    if (header === undefined) return next(exchange);
    if (claims !== undefined) return once(next, exchange, { header, claims, bounds });
    exchange.trail.warn(['Idempotency-Key is switched off']);
    return next(exchange);
  };
}

interface Bounds {
  readonly bytesMax: number;
  readonly held: { bytes: number };
}

interface Asked {
  readonly header: string | readonly string[];
  readonly claims: Claims;
  readonly bounds: Bounds;
}

async function once(
  next: Handler<Parsed>,
  exchange: Parsed,
  { header, claims, bounds }: Asked,
): Promise<Reply> {
  const { principal, route, call, admission } = exchange;
  if (admission !== undefined) await admission;
  const claim = claimOf({ header, principal, what: [route.name], body: call.wire.bytes });
  const found = mayBegin(await claims.begin(claim));
  if ('status' in found) {
    exchange.trail.replayed = true;
    return wholeReply(found.status, [...found.headers, ...replayedHeader], found.body);
  }
  try {
    const reply = await next({ ...exchange, signal: found.signal });
    return await kept(reply, { exchange, begun: found, bounds });
  } catch (thrown) {
    const failure = asFailure(thrown);
    await found.end(wasDone(exchange.trail, failure) ? rendered(failure, exchange) : 'undone');
    throw failure;
  }
}

interface Keeping {
  readonly exchange: Parsed;
  readonly begun: ClaimBegun;
  readonly bounds: Bounds;
}

/** Kept before the client can have seen it all: whoever has the answer and comes again gets it again. */
async function kept(reply: Reply, { exchange, begun, bounds }: Keeping): Promise<Reply> {
  const { status, headers, body } = reply;
  if (!(body instanceof Uint8Array)) {
    const stream = new KeptStream(reply, body, {
      ...bounds,
      keep: (bytes) =>
        begun.end(
          exchange.trail.failure?.code === 'server_draining'
            ? 'undone'
            : bytes === undefined
              ? 'too-large'
              : { status, headers: headersAgain(headers), body: bytes },
        ),
    });
    exchange.signal.onAbort(() => stream.abort());
    return { ...reply, body: stream };
  }
  await begun.end(
    body.length > bounds.bytesMax ? 'too-large' : { status, headers: headersAgain(headers), body },
  );
  return reply;
}

/** As the client is told of it now, and each time it comes again. */
function rendered(failure: Failure, { route, trail }: Parsed) {
  const { status, headers, body } = route.voice.renderFailure(failure, trail.id);
  return { status, headers, body: Buffer.from(body) };
}

/** How an attempt fails before an upstream has begun to work: nobody reached it, or it would not. */
const notBegun: ReadonlySet<string> = new Set<FailureCode>([
  'connect_failed',
  'connect_timeout',
  'tls_error',
  'invalid_request',
  'unsupported',
  'context_length_exceeded',
  'upstream_rejected',
  'upstream_overloaded',
  'upstream_rate_limited',
  'upstream_unauthorized',
  'upstream_model_missing',
]);

/**
 * Whether an upstream may have worked for it. What was refused before that may be asked again, and so may what was cut
 * because this gateway stops: that is no answer.
 */
function wasDone({ attempts }: Trail, { code: last }: Failure): boolean {
  return last !== 'server_draining' && attempts.some(({ code }) => !notBegun.has(code));
}
