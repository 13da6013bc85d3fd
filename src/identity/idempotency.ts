/** The rules of `Idempotency-Key`, which are Stripe's: what a key is, what it stands for, and what is refused. */
import { createHash } from 'node:crypto';
import type { Principal } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { ClaimBegun, ClaimState, KeptReply, ReplayClaim } from '../core/replay.ts';

const keyCharsMax = 255;

/** On every answer that is given again. */
export const replayedHeader = ['idempotent-replayed', 'true'] as const;

export interface AskedOnce {
  readonly header: string | readonly string[];
  readonly principal: Principal;
  /** The route, and what else tells one request from another. */
  readonly what: readonly string[];
  readonly body: Uint8Array;
}

export function claimOf({ header, principal, what, body }: AskedOnce): ReplayClaim {
  const { tenant, user, scopes, keyName } = principal;
  // A credential that is narrowed must not be told what another one was answered.
  const asked = JSON.stringify([...what, scopes === undefined ? '' : keyName]);
  const fingerprint = createHash('sha256').update(asked).update(body).digest('base64url');
  return { tenant, user, key: readKey(header), fingerprint };
}

function readKey(header: string | readonly string[]): string {
  const key = typeof header === 'string' ? header.trim() : '';
  if (key !== '' && key.length <= keyCharsMax) return key;
  throw fail('invalid_request', `\`Idempotency-Key\` must be 1 to ${keyCharsMax} characters, once`, {
    param: 'Idempotency-Key',
  });
}

/** What the state of a key means for who comes with it now: to do it, to be told again, or to be refused. */
export function mayBegin(state: ClaimState): ClaimBegun | KeptReply {
  switch (state.kind) {
    case 'begun':
      return state;
    case 'done':
      return state.reply;
    case 'under-way':
      throw inFlight(
        'the first request with this `Idempotency-Key` is still under way; try again for its answer',
      );
    case 'not-kept':
      throw fail(
        'conflict',
        'the request with this `Idempotency-Key` was done, and its answer is not kept: it was too large, or it was erased; use a new key to do it again',
      );
    case 'mismatch':
      throw fail(
        'idempotency_mismatch',
        'this `Idempotency-Key` was used for another request; use a new key for each',
      );
  }
}

function inFlight(message: string): Failure {
  return fail('idempotency_in_flight', message, { retryAfterS: 1 });
}
