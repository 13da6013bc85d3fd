/** Hands every exchange to those who keep account, once, when the last byte is on its way. */
import type { Dialect } from '../core/call.ts';
import type { Received, Voice } from '../core/exchange.ts';
import type { NanoUsd } from '../core/ledger.ts';
import { type Outcome, onEnded, type Reply, type Stage } from '../core/stage.ts';
import type { Trail } from '../core/trail.ts';
import type { Clock } from '../lib/clock.ts';

/** Spool, metrics and log. */
interface Accounts {
  /** Takes the finished trail, and neither waits nor throws. */
  keep(trail: Trail): void;
  /** Resolves when what ends in this turn is written down. */
  written(): Promise<void>;
}

export interface ObserveOptions {
  readonly clock: Clock;
  readonly accounts: Accounts;
  readonly configId: string;
  /** What cannot be reached, by name; empty when all is well. Clients are told: that we go on is no secret (G19). */
  readonly degraded: () => string;
  /** How each dialect tells how far the limits are spent. */
  readonly voices: Readonly<Record<Dialect, Voice>>;
}

export function observe(options: ObserveOptions): Stage<Received> {
  const settle = (trail: Trail, outcome: Outcome) => {
    trail.endedMs = options.clock.now();
    trail.outcome = outcome.kind;
    if (outcome.kind === 'failed') trail.failure = outcome.failure;
    // A whole reply that tells of a failure is complete as a reply, and failed as an exchange.
    if (outcome.kind === 'complete' && trail.failure !== undefined) {
      trail.outcome = trail.failure.code === 'client_gone' ? 'aborted' : 'failed';
    }
    options.accounts.keep(trail);
  };
  return (next) => async (exchange) => {
    exchange.trail.configId = options.configId;
    const reply = await next(exchange);
    exchange.trail.status = reply.status;
    if (reply.body instanceof Uint8Array) exchange.trail.bytesOut = reply.body.length;
    onEnded(reply, (outcome) => settle(exchange.trail, outcome));
    // A whole answer leaves when it is written down what it came to. The last of a stream does so by itself (G21).
    if (reply.body instanceof Uint8Array && exchange.trail.model !== '') await options.accounts.written();
    return withAccount(options, exchange.trail, reply);
  };
}

/** Tells the client what it came to, how far its limits are spent, and what we go on without. */
function withAccount({ degraded, voices }: ObserveOptions, trail: Trail, reply: Reply): Reply {
  const { standing, dialect } = trail;
  const away = degraded();
  const isPriced = tellsCost(trail, reply);
  if (!isPriced && away === '' && standing === undefined) return reply;
  const headers = [...reply.headers];
  if (isPriced) headers.push('x-millrace-cost-usd', usd(trail.costNanoUsd));
  if (standing !== undefined) headers.push(...voices[dialect].renderStanding(standing));
  if (away !== '') headers.push('x-millrace-degraded', away);
  return { ...reply, headers };
}

/** Only a whole answer knows at its head what it came to. */
function tellsCost({ costNanoUsd, failure }: Trail, { body }: Reply): boolean {
  return costNanoUsd > 0 && failure === undefined && body instanceof Uint8Array;
}

/** Without the noughts at its end. Written from whole numbers: to round is most of what `toFixed` does. */
function usd(nanoUsd: NanoUsd): string {
  let rest = nanoUsd % 1e9;
  const whole = (nanoUsd - rest) / 1e9;
  if (rest === 0) return String(whole);
  let places = 9;
  for (; rest % 10 === 0; rest /= 10) places -= 1;
  return `${whole}.${String(rest).padStart(places, '0')}`;
}
