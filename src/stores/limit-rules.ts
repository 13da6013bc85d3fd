/**
 * Limits as every driver counts them, by the generic cell rate algorithm: each request moves the moment at which a
 * subject's allowance is whole again one interval on, and may do so until that moment lies too far ahead. Never more
 * than burst + rate × t are let through, for every t.
 */
import { hash } from 'node:crypto';
import type { LimitDecision, LimitSubject, RateLimiter } from '../core/ports.ts';

export interface RateLimit {
  readonly per: 'key' | 'tenant' | 'address';
  readonly requests: { readonly count: number; readonly perMs: number };
  readonly burst?: number | undefined;
  readonly route?: string | undefined;
}

export interface LimitRule {
  /** The same for the same limit, in every replica and after every reload. */
  readonly id: string;
  readonly name: string;
  readonly limit: RateLimit;
  readonly intervalMs: number;
  readonly burst: number;
}

export interface ConfiguredRateLimiter extends RateLimiter {
  /** The limiter of a new configuration: limits that did not change remember what was taken from them. */
  follow(limits: readonly RateLimit[]): ConfiguredRateLimiter;
}

export const allowed: LimitDecision = { allowed: true };

/** A limit that is written twice is one. */
export function rulesOf(limits: readonly RateLimit[]): readonly LimitRule[] {
  return [...new Map(limits.map(ruleOf).map((rule) => [rule.id, rule])).values()];
}

function ruleOf(limit: RateLimit): LimitRule {
  const { per, requests, route } = limit;
  const intervalMs = requests.perMs / requests.count;
  const burst = limit.burst ?? Math.max(1, Math.floor(1000 / intervalMs));
  const name = `${requests.count} per ${requests.perMs / 1000} s for each ${per}`;
  const told = JSON.stringify([per, requests.count, requests.perMs, burst, route ?? null]);
  return { id: hash('sha256', told, 'base64url').slice(0, 16), name, limit, intervalMs, burst };
}

/** Those that hold for a subject. None on loopback: nothing there is a stranger. */
export function rulesFor(rules: readonly LimitRule[], subject: LimitSubject): readonly LimitRule[] {
  if (subject.onLoopback || rules.length === 0) return none;
  return rules.filter(({ limit }) => limit.route === undefined || limit.route === subject.route);
}

const none: readonly LimitRule[] = [];

export function refusal(rule: LimitRule, waitMs: number): LimitDecision {
  return { allowed: false, limit: rule.name, retryAfterS: Math.max(1, Math.ceil(waitMs / 1000)) };
}
