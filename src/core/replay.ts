/** What is kept of a request that carries an `Idempotency-Key`, so that it is done once however often it is sent. */
import type { Signal } from './signal.ts';

export interface ReplayClaim {
  readonly tenant: string;
  /** Whose request it is: erased with them. Empty for a key that is nobody's in particular. */
  readonly user: string;
  /** As the client chose it, at most 255 characters. */
  readonly key: string;
  /** Over what was asked: the same key with another one is a mistake. */
  readonly fingerprint: string;
}

/** That something is kept, without what. */
export interface ReplayFact {
  readonly key: string;
  readonly state: 'claimed' | 'done';
  readonly untilMs: number;
  readonly bytes: number;
}

export interface KeptReply {
  readonly status: number;
  /** Name, value, name, value. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
}

/** How a claim ended: with a reply that is kept, with nothing done, or with more than is kept. */
export type ReplayEnding = KeptReply | 'undone' | 'too-large';

export type ReplayState =
  /** The claim is ours until it has ended, or nobody renews it any more. `token` proves that it is still ours. */
  | { readonly kind: 'begun'; readonly token: string }
  | { readonly kind: 'under-way' }
  | { readonly kind: 'mismatch' }
  | { readonly kind: 'done'; readonly reply: KeptReply }
  /** It was done, and what came of it was too large to be kept, or cannot be read any more. */
  | { readonly kind: 'not-kept' };

/** Claims that are renewed for as long as they are under way. */
export interface Claims {
  /** Rejects with `dependency_unavailable` while nobody can tell: then nothing may be done. */
  begin(claim: ReplayClaim): Promise<ClaimState>;
}

export type ClaimState = ClaimBegun | Exclude<ReplayState, { readonly kind: 'begun' }>;

export interface ClaimBegun {
  readonly kind: 'begun';
  /** Of who does it: it goes on when its client leaves, and ends when the gateway waits no longer. */
  readonly signal: Signal;
  /** To be called once. Resolves when that is kept, or has to be tried again later; never rejects. */
  end(ending: ReplayEnding): Promise<void>;
}
