/** What `debug` adds to the log: how attempts, listings and reloads went. Bounded; no content, no secrets. */
import type { Upstream } from '../core/exchange.ts';
import type { Failure } from '../core/failure.ts';
import type { Trail } from '../core/trail.ts';
import { withoutKeys } from './exchange-line.ts';
import type { Log } from './log.ts';

const textCharsMax = 500;
const namesMax = 20;

/** The last attempt of the trail. Its failure's own words are nowhere else when another attempt succeeds. */
export function logAttempt(log: Log, { id, attempts }: Trail, failure: Failure): void {
  const attempt = attempts.at(-1);
  const model = withoutKeys(attempt?.model ?? '');
  log.debug({ id, ...attempt, model, ...factsOf(failure) }, 'an attempt failed');
}

/** The last time of the trail that its stream was gone on with. */
export function logCarriedOn(log: Log, { id, carriedOn }: Trail): void {
  log.debug({ id, ...carriedOn?.at(-1) }, 'a stream broke off and is gone on with');
}

interface Listing {
  readonly upstream: string;
  readonly tookMs: number;
  /** How many models it told of, or why it did not. */
  readonly outcome: number | Failure;
}

export function logListing(log: Log, { upstream, tookMs, outcome }: Listing): void {
  const took = Math.round(tookMs);
  if (typeof outcome === 'number')
    log.debug({ upstream, tookMs: took, models: outcome }, 'an upstream lists its models');
  else log.debug({ upstream, tookMs: took, ...factsOf(outcome) }, 'an upstream does not list its models');
}

export function logSlotsUntold(log: Log, { name }: Upstream, failure: Failure): void {
  log.debug({ upstream: name, ...factsOf(failure) }, 'an upstream does not tell its slots');
}

export function logUntold(log: Log, { name }: Upstream, failure: Failure): void {
  log.debug({ upstream: name, ...factsOf(failure) }, 'an upstream does not tell which models it holds');
}

interface Taken {
  readonly configId: string;
  readonly before: readonly string[];
  readonly now: readonly string[];
}

/** Upstreams by identity: one whose address or key changed is another one. */
export function logTaken(log: Log, { configId, before, now }: Taken): void {
  const [had, has] = [new Set(before), new Set(now)];
  const named = (identities: ReadonlySet<string>) => [...identities].slice(0, namesMax);
  log.debug(
    { configId, opened: named(has.difference(had)), left: named(had.difference(has)) },
    'new requests go by the new configuration; those in flight end by the old one',
  );
}

function factsOf({ code, message, cause }: Failure) {
  const says = cause instanceof Error ? { cause: told(cause.message) } : {};
  return { code, message: told(message), ...says };
}

function told(text: string): string {
  return withoutKeys(text).slice(0, textCharsMax);
}
