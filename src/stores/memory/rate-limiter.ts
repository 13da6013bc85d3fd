/**
 * Rates in memory, by the generic cell rate algorithm: one timestamp a subject, exact for every span of time.
 * Never more than burst + rate × t are let through.
 */
import type { LimitDecision, LimitSubject, RateLimiter } from '../../core/ports.ts';
import type { Clock } from '../../lib/clock.ts';

export interface RateLimit {
  readonly per: 'key' | 'tenant' | 'address';
  readonly requests: { readonly count: number; readonly perMs: number };
  readonly burst?: number | undefined;
  readonly route?: string | undefined;
}

interface Rule {
  readonly name: string;
  readonly limit: RateLimit;
  readonly intervalMs: number;
  readonly toleranceMs: number;
  /** When each subject's allowance is next untouched. */
  readonly fullAtMs: Map<string, number>;
}

/** More subjects than this and those with a full allowance are forgotten: forgetting them changes no decision. */
const subjectsMax = 100_000;
const allowed: LimitDecision = { allowed: true };

export interface MemoryRateLimiter extends RateLimiter {
  readonly rules: readonly Rule[];
  /** The limiter of a new configuration: limits that did not change remember what was taken from them. */
  follow(limits: readonly RateLimit[]): MemoryRateLimiter;
}

export function createMemoryRateLimiter(limits: readonly RateLimit[], clock: Clock): MemoryRateLimiter {
  return limiterOf(limits.map(ruleOf), clock);
}

function limiterOf(rules: readonly Rule[], clock: Clock): MemoryRateLimiter {
  return {
    rules,
    take: (subject) => take(rules, subject, clock.now()),
    follow: (limits) => {
      const known = new Map(rules.map((rule) => [JSON.stringify(rule.limit), rule]));
      return limiterOf(
        limits.map((limit) => known.get(JSON.stringify(limit)) ?? ruleOf(limit)),
        clock,
      );
    },
  };
}

function ruleOf(limit: RateLimit): Rule {
  const intervalMs = limit.requests.perMs / limit.requests.count;
  const burst = limit.burst ?? Math.max(1, Math.floor(1000 / intervalMs));
  const name = `${limit.requests.count} per ${limit.requests.perMs / 1000} s for each ${limit.per}`;
  return { name, limit, intervalMs, toleranceMs: intervalMs * (burst - 1), fullAtMs: new Map() };
}

/** All the rules that apply are taken from, or none. Limits do not hold on loopback: nothing there is a stranger. */
function take(rules: readonly Rule[], subject: LimitSubject, nowMs: number): LimitDecision {
  if (subject.onLoopback || rules.length === 0) return allowed;
  const applying = rules.filter(
    (rule) => rule.limit.route === undefined || rule.limit.route === subject.route,
  );
  for (const rule of applying) {
    const waitMs = (rule.fullAtMs.get(subject[rule.limit.per]) ?? nowMs) - rule.toleranceMs - nowMs;
    if (waitMs > 0)
      return { allowed: false, limit: rule.name, retryAfterS: Math.max(1, Math.ceil(waitMs / 1000)) };
  }
  for (const rule of applying) {
    const who = subject[rule.limit.per];
    const from = Math.max(rule.fullAtMs.get(who) ?? nowMs, nowMs);
    rule.fullAtMs.set(who, from + rule.intervalMs);
    if (rule.fullAtMs.size > subjectsMax) forgetIdle(rule, nowMs);
  }
  return allowed;
}

function forgetIdle(rule: Rule, nowMs: number): void {
  for (const [who, fullAt] of rule.fullAtMs) if (fullAt <= nowMs) rule.fullAtMs.delete(who);
  // A flood of strangers: the oldest give way, so that memory stays bounded whatever comes.
  for (const who of rule.fullAtMs.keys()) {
    if (rule.fullAtMs.size <= subjectsMax / 2) break;
    rule.fullAtMs.delete(who);
  }
}
