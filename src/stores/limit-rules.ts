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
import type { Allowance, Standing } from '../core/standing.ts';
import type { Rate } from '../lib/quantity.ts';

export interface RateLimit {
  readonly per: 'key' | 'user' | 'team' | 'tenant' | 'model' | 'route' | 'address' | 'global';
  readonly requests?: Rate | undefined;
  readonly tokens?: Rate | undefined;
  readonly burst?: number | undefined;
  readonly burstTokens?: number | undefined;
  readonly concurrent?: number | undefined;
  readonly route?: string | undefined;
  readonly model?: string | undefined;
}

interface Rule {
  /** The same for the same limit, in every replica and after every reload. */
  readonly id: string;
  readonly name: string;
  readonly limit: RateLimit;
}

export interface LimitRule extends Rule {
  readonly unit: 'requests' | 'tokens';
  /** Its place among the rates of its configuration. */
  readonly at: number;
  readonly intervalMs: number;
  readonly burst: number;
}

/** How many may run at once. */
export interface PlaceRule extends Rule {
  readonly places: number;
}

/** Those that are taken together. */
export interface LimitStep {
  readonly rates: readonly LimitRule[];
  readonly places: readonly PlaceRule[];
}

export interface LimitRules {
  readonly rates: readonly LimitRule[];
  /** Those that hold before the request is read, and those that ask for what it says. */
  readonly atDoor: LimitStep;
  readonly ofCalls: LimitStep;
}

export interface ConfiguredRateLimiter extends RateLimiter {
  /** The limiter of a new configuration: limits that did not change remember what was taken from them. */
  follow(limits: readonly RateLimit[]): ConfiguredRateLimiter;
}

export const allowed: LimitDecision = { allowed: true };

/** A limit that is written twice is one. */
export function rulesOf(limits: readonly RateLimit[]): LimitRules {
  const rates = distinct(limits.flatMap(ratesIn)).map((rate, at) => ({ ...rate, at }));
  const places = distinct(limits.flatMap(placesIn));
  return {
    rates,
    atDoor: { rates: rates.filter(isOfCallers), places: places.filter(isOfCallers) },
    ofCalls: { rates: rates.filter(asksForCall), places: places.filter(asksForCall) },
  };
}

function distinct<Some extends Rule>(rules: readonly Some[]): readonly Some[] {
  return [...new Map(rules.map((rule) => [rule.id, rule])).values()];
}

function asksForCall({ limit }: Rule): boolean {
  return limit.per === 'model' || limit.model !== undefined || limit.tokens !== undefined;
}

function isOfCallers(rule: Rule): boolean {
  return !asksForCall(rule);
}

export function isEmpty({ rates, places }: LimitStep): boolean {
  return rates.length === 0 && places.length === 0;
}

type LimitRate = Omit<LimitRule, 'at'>;

function ratesIn(limit: RateLimit): readonly LimitRate[] {
  const { requests, tokens } = limit;
  return [
    ...(requests === undefined ? [] : [rateOf(limit, 'requests', { ...requests, burst: limit.burst })]),
    ...(tokens === undefined ? [] : [rateOf(limit, 'tokens', { ...tokens, burst: limit.burstTokens })]),
  ];
}

function placesIn(limit: RateLimit): readonly PlaceRule[] {
  const { per, route, model, concurrent } = limit;
  if (concurrent === undefined) return [];
  const told = JSON.stringify(['concurrent', per, concurrent, route ?? null, model ?? null]);
  return [{ id: idOf(told), name: `${concurrent} at once ${scopeOf(limit)}`, limit, places: concurrent }];
}

function idOf(told: string): string {
  return hash('sha256', told, 'base64url').slice(0, 16);
}

/** What may come at once where nobody said so: a prompt alone is thousands of tokens. */
const burstMs = { requests: 1_000, tokens: 60_000 };

function rateOf(
  limit: RateLimit,
  unit: LimitRule['unit'],
  rate: Rate & { readonly burst: number | undefined },
): LimitRate {
  const { count, perMs } = rate;
  const { per, route, model } = limit;
  const intervalMs = perMs / count;
  const burst = rate.burst ?? Math.max(1, Math.floor(burstMs[unit] / intervalMs));
  const what = unit === 'tokens' ? ' tokens' : '';
  const name = `${count}${what} per ${perMs / 1000} s ${scopeOf(limit)}`;
  const told = JSON.stringify([unit, per, count, perMs, burst, route ?? null, model ?? null]);
  return { id: idOf(told), name, limit, unit, intervalMs, burst };
}

function scopeOf({ per, model }: RateLimit): string {
  const shared = per === 'global' ? 'for all together' : `for each ${per}`;
  return model === undefined ? shared : `${shared} on ${model}`;
}

/** Those that hold for a subject. */
export function stepFor(rules: LimitRules, subject: LimitSubject): LimitStep {
  const { rates, places } = subject.call === undefined ? rules.atDoor : rules.ofCalls;
  return { rates: holding(rates, subject), places: places.length === 0 ? none : holding(places, subject) };
}

const none: readonly PlaceRule[] = [];

function holding<Some extends Rule>(rules: readonly Some[], subject: LimitSubject): readonly Some[] {
  return rules.every((rule) => holds(rule, subject)) ? rules : rules.filter((rule) => holds(rule, subject));
}

function holds({ limit }: Rule, subject: LimitSubject): boolean {
  const { per, route, model } = limit;
  if ((per === 'user' || per === 'team') && subject[per] === '') return false;
  if (route !== undefined && route !== subject.route) return false;
  return model === undefined || model === subject.call?.model;
}

/** How many a request takes. What is more than the burst can never be there: it takes all, and owes the rest. */
export function unitsOf({ unit, burst }: LimitRule, subject: LimitSubject): number {
  return unit === 'requests' ? 1 : Math.min(burst, Math.max(1, Math.ceil(subject.call?.tokens ?? 0)));
}

/**
 * What an answer came to is owed in full, up to what this time pays for: the longest period that a rate is written in.
 * A count that an upstream tells wrongly shuts nobody out for longer.
 */
export const debtMaxMs = 24 * 60 * 60 * 1_000;

/** Whose allowance it is. */
export function holderOf({ limit }: Rule, subject: LimitSubject): string {
  if (limit.per === 'global') return '';
  return limit.per === 'model' ? (subject.call?.model ?? '') : subject[limit.per];
}

/** Whether it is the caller's own, whatever is asked. */
export function isOfCaller({ limit: { per } }: Rule): boolean {
  return per === 'key' || per === 'user' || per === 'team' || per === 'tenant';
}

export interface Refusal {
  readonly rule: LimitRule | PlaceRule;
  readonly waitMs: number;
  readonly standing: Standing | undefined;
}

export function refusal({ rule, waitMs, standing }: Refusal): LimitDecision {
  return { allowed: false, limit: rule.name, retryAfterMs: Math.max(1, Math.ceil(waitMs)), standing };
}

/** When one of those that run will end nobody knows. */
export const placeWaitMs = 1_000;

/** What is left of a rule, or of a replica's share of it, that is spent so far ahead. */
export function allowanceOf({ burst, intervalMs }: LimitRule, aheadMs: number, replicas: number): Allowance {
  const windowMs = burst * intervalMs;
  // A hair for what division leaves over.
  const remaining = Math.floor((windowMs - aheadMs) / (intervalMs * replicas) + 1e-6);
  return { limit: burst, remaining: Math.max(0, remaining), resetMs: aheadMs, windowMs };
}
