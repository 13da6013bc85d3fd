/**
 * Limits as every driver counts them, by the generic cell rate algorithm: each request, or token, moves the moment at
 * which a subject's allowance is whole again one interval on, and may do so until that moment lies too far ahead. Never
 * more than burst + rate × t are let through, for every t.
 *
 * Tokens are taken by an estimate, and settled. What was taken too much is given back as far as that is sure to free
 * nobody of a limit: an allowance that was whole meanwhile has forgotten what was taken before. Since it was taken the
 * moment has lain at least as far ahead as it did then, less the time that went by and what others were given back.
 */
import { hash } from 'node:crypto';
import type { LimitDecision, LimitSubject, RateLimiter } from '../core/ports.ts';
import type { Rate } from '../lib/quantity.ts';

export interface RateLimit {
  readonly per: 'key' | 'user' | 'team' | 'tenant' | 'model' | 'route' | 'address' | 'global';
  readonly requests?: Rate | undefined;
  readonly tokens?: Rate | undefined;
  readonly burst?: number | undefined;
  readonly burstTokens?: number | undefined;
  readonly route?: string | undefined;
  readonly model?: string | undefined;
}

export interface LimitRule {
  /** The same for the same limit, in every replica and after every reload. */
  readonly id: string;
  readonly name: string;
  readonly limit: RateLimit;
  readonly unit: 'requests' | 'tokens';
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
  const all = [...new Map(limits.flatMap(rulesIn).map((rule) => [rule.id, rule])).values()];
  return {
    all,
    atDoor: all.filter((rule) => !asksForCall(rule)),
    ofCalls: all.filter(asksForCall),
  };
}

function asksForCall({ limit }: LimitRule): boolean {
  return limit.per === 'model' || limit.model !== undefined || limit.tokens !== undefined;
}

function rulesIn(limit: RateLimit): readonly LimitRule[] {
  const { requests, tokens } = limit;
  return [
    ...(requests === undefined ? [] : [ruleOf(limit, 'requests', { ...requests, burst: limit.burst })]),
    ...(tokens === undefined ? [] : [ruleOf(limit, 'tokens', { ...tokens, burst: limit.burstTokens })]),
  ];
}

/** What may come at once where nobody said so: a prompt alone is thousands of tokens. */
const burstMs = { requests: 1_000, tokens: 60_000 };

function ruleOf(
  limit: RateLimit,
  unit: LimitRule['unit'],
  rate: Rate & { readonly burst: number | undefined },
): LimitRule {
  const { count, perMs } = rate;
  const { per, route, model } = limit;
  const intervalMs = perMs / count;
  const burst = rate.burst ?? Math.max(1, Math.floor(burstMs[unit] / intervalMs));
  const what = unit === 'tokens' ? ' tokens' : '';
  const name = `${count}${what} per ${perMs / 1000} s ${scopeOf(limit)}`;
  const told = JSON.stringify([unit, per, count, perMs, burst, route ?? null, model ?? null]);
  return { id: hash('sha256', told, 'base64url').slice(0, 16), name, limit, unit, intervalMs, burst };
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
    if ((limit.per === 'user' || limit.per === 'team') && subject[limit.per] === '') return false;
    if (limit.route !== undefined && limit.route !== route) return false;
    return limit.model === undefined || limit.model === call?.model;
  });
}

const none: readonly LimitRule[] = [];

/** How many a request takes. What is more than the burst can never be there: it takes all, and owes the rest. */
export function unitsOf({ unit, burst }: LimitRule, subject: LimitSubject): number {
  return unit === 'requests' ? 1 : Math.min(burst, Math.max(1, Math.ceil(subject.call?.tokens ?? 0)));
}

/** How many bursts may be owed: nobody is locked out for longer, whatever an answer came to. */
export const debtMax = 1;

/** Whose allowance it is. */
export function holderOf({ limit }: LimitRule, subject: LimitSubject): string {
  if (limit.per === 'global') return '';
  return limit.per === 'model' ? (subject.call?.model ?? '') : subject[limit.per];
}

export function refusal(rule: LimitRule, waitMs: number): LimitDecision {
  return { allowed: false, limit: rule.name, retryAfterS: Math.max(1, Math.ceil(waitMs / 1000)) };
}
