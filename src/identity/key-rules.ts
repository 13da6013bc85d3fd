/** The rules of keys in the store: what a new one is, what rotation does, and how long one may last. Pure. */
import type { DirectoryDraft, KeyEntry } from '../core/directory.ts';
import { fail } from '../core/failure.ts';
import { hintOf, makeKey } from './api-key.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

export const keyRules = {
  /** How long the key before a rotation opens beside the new one, where nobody says otherwise. */
  overlapMs: dayMs,
  overlapMsMax: 30 * dayMs,
  /** Ten years: who wants longer says never. */
  lifeMsMax: 3_653 * dayMs,
} as const;

export type KeyDraft = Extract<DirectoryDraft, { kind: 'key' }>;

/** What whoever asks for a key may say of it. */
export type AskedKey = Pick<
  KeyDraft,
  'tenant' | 'name' | 'team' | 'user' | 'role' | 'expiresAtMs' | 'scopes'
>;

export interface MadeKey {
  /** To be shown once, and kept nowhere. */
  readonly key: string;
  readonly draft: KeyDraft;
}

export interface KeyContext {
  readonly digest: (key: string) => string;
  readonly nowMs: number;
}

export function newKey(asked: AskedKey, { digest, nowMs }: KeyContext): MadeKey {
  assertExpiry(asked.expiresAtMs, nowMs);
  const key = makeKey();
  const { tenant, name, team, user, role, expiresAtMs, scopes } = asked;
  return {
    key,
    draft: {
      kind: 'key',
      tenant,
      name,
      active: true,
      team,
      user,
      role,
      digest: digest(key),
      hint: hintOf(key),
      previousDigest: '',
      previousUntilMs: 0,
      expiresAtMs,
      scopes,
    },
  };
}

/**
 * Another key in place of this one, which opens beside it until the overlap is over; 0 shuts it at once. Of two rotations
 * within one overlap only the last key before stays: one that leaked must not live on by being rotated again and again.
 */
export function rotatedKey(entry: KeyEntry, overlapMs: number, { digest, nowMs }: KeyContext): MadeKey {
  if (!Number.isSafeInteger(overlapMs) || overlapMs < 0 || overlapMs > keyRules.overlapMsMax) {
    throw fail('invalid_request', `the overlap must be 0 to ${keyRules.overlapMsMax} milliseconds`, {
      param: 'overlapMs',
    });
  }
  const key = makeKey();
  const { version: _version, createdAtMs: _createdAtMs, ...draft } = entry;
  const previous =
    overlapMs === 0
      ? { previousDigest: '', previousUntilMs: 0 }
      : { previousDigest: entry.digest, previousUntilMs: nowMs + overlapMs };
  return { key, draft: { ...draft, digest: digest(key), hint: hintOf(key), ...previous } };
}

/** 0 is for ever. A time that is over would make a key that never opens: that is a mistake, and told. */
export function assertExpiry(expiresAtMs: number, nowMs: number): void {
  if (expiresAtMs === 0) return;
  const lifeMs = expiresAtMs - nowMs;
  if (Number.isSafeInteger(expiresAtMs) && lifeMs > 0 && lifeMs <= keyRules.lifeMsMax) return;
  throw fail('invalid_request', 'a key must expire later than now and within ten years, or never', {
    param: 'expiresAtMs',
  });
}
