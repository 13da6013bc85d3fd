/** Requests that carry a key of their own: what was answered to them, and who works on one. */
import type { Replays, Sealers } from '../core/ports.ts';
import type { Clock } from '../lib/clock.ts';
import { createHeldClaims, type HeldClaims } from '../stores/held-claims.ts';
import { ReplayBound } from '../stores/sql/replay-bound.ts';
import type { Store } from '../stores/sql/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { ConfigInForce } from './workers/sent-config.ts';

interface ClaimsOptions {
  readonly loaded: ConfigInForce;
  readonly log: Log;
  readonly clock: Clock;
}

/** A claim on an `Idempotency-Key` that nobody renews is free after so long: its gateway has died. */
const claimLeaseMs = 30_000;

export function createReplays({ config }: ConfigInForce, store: Store, sealers: Sealers): Replays {
  const { ttlS, tenantBytesMax } = config.idempotency;
  const bound = new ReplayBound(tenantBytesMax);
  return store.replays({ ttlMs: ttlS * 1_000, leaseMs: claimLeaseMs, sealers, bound });
}

export function createClaims(
  { loaded, clock, log }: ClaimsOptions,
  replays: Replays,
): HeldClaims | undefined {
  if (!loaded.config.idempotency.enabled) return undefined;
  return createHeldClaims({
    replays,
    clock,
    leaseMs: claimLeaseMs,
    onTrouble: ({ message }) => log.error({ message }, 'the answer to an Idempotency-Key could not be kept'),
  });
}
