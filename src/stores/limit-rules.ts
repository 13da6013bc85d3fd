/**
 * Limits as every driver counts them, by the generic cell rate algorithm: each request moves the moment at which a
 * subject's allowance is whole again one interval on, and may do so until that moment lies too far ahead. Never more
 * than burst + rate × t are let through, for every t.
 */
import { hash } from 'node:crypto';
import type { LimitDecision, LimitSubject, RateLimiter } from '../core/ports.ts';

export interface RateLimit {
  readonly per: 'key' | 'tenant' | 'model' | 'route' | 'address' | 'global';
  readonly requests: { readonly count: number; readonly perMs: number };
  readonly burst?: number | undefined;
  readonly route?: string | undefined;
  readonly model?: string | undefined;
}

export interface LimitRule {
  /** The same for the same limit, in every replica and after every reload. */
  readonly id: string;
  readonly name: string;
  readonly limit: RateLimit;
  readonly intervalMs: number;
  readonly burst: number;
}

export interface LimitRules {
  readonly all: readonly LimitRule[];
  /** Those that hold before the request is read, and those that ask for what it says. */
  readonly atDoor: readonly LimitRule[];
  readonly ofCalls: readonly LimitRule[];
}

export interface ConfiguredRateLimiter extends RateLimiter {
  /** The limiter of a new configuration: limits that did not change remember what was taken from them. */
  follow(limits: readonly RateLimit[]): ConfiguredRateLimiter;
}

export const allowed: LimitDecision = { allowed: true };

/** A limit that is written twice is one. */
export function rulesOf(limits: readonly RateLimit[]): LimitRules {
  const all = [...new Map(limits.map(ruleOf).map((rule) => [rule.id, rule])).values()];
  return {
    all,
    atDoor: all.filter((rule) => !asksForCall(rule)),
    ofCalls: all.filter(asksForCall),
  };
}

function asksForCall({ limit }: LimitRule): boolean {
  return limit.per === 'model' || limit.model !== undefined;
}

function ruleOf(limit: RateLimit): LimitRule {
  const { per, requests, route, model } = limit;
  const intervalMs = requests.perMs / requests.count;
  const burst = limit.burst ?? Math.max(1, Math.floor(1000 / intervalMs));
  const name = `${requests.count} per ${requests.perMs / 1000} s ${scopeOf(limit)}`;
  const told = JSON.stringify([per, requests.count, requests.perMs, burst, route ?? null, model ?? null]);
  return { id: hash('sha256', told, 'base64url').slice(0, 16), name, limit, intervalMs, burst };
}

function scopeOf({ per, model }: RateLimit): string {
  const shared = per === 'global' ? 'for all together' : `for each ${per}`;
  return model === undefined ? shared : `${shared} on ${model}`;
}

/** Those that hold for a subject. None on loopback: nothing there is a stranger. */
export function rulesFor(rules: LimitRules, subject: LimitSubject): readonly LimitRule[] {
  const { call, route } = subject;
  const some = call === undefined ? rules.atDoor : rules.ofCalls;
  if (subject.onLoopback || some.length === 0) return none;
  return some.filter(({ limit }) => {
    if (limit.route !== undefined && limit.route !== route) return false;
    return limit.model === undefined || limit.model === call?.model;
  });
}

const none: readonly LimitRule[] = [];

/** Whose allowance it is. */
export function holderOf({ limit }: LimitRule, subject: LimitSubject): string {
  if (limit.per === 'global') return '';
  return limit.per === 'model' ? (subject.call?.model ?? '') : subject[limit.per];
}

export function refusal(rule: LimitRule, waitMs: number): LimitDecision {
  return { allowed: false, limit: rule.name, retryAfterS: Math.max(1, Math.ceil(waitMs / 1000)) };
}
