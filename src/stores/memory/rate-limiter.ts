/** Rates in this process: one moment a subject, exact for every span of time. */
import type { LimitDecision, LimitSubject } from '../../core/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import {
  type ConfiguredRateLimiter,
  type LimitRules,
  type RateLimit,
  rulesFor,
  rulesOf,
} from '../limit-rules.ts';
import { Levels } from './levels.ts';

export interface MemoryRateLimiter extends ConfiguredRateLimiter {
  take(subject: LimitSubject): LimitDecision;
  follow(limits: readonly RateLimit[]): MemoryRateLimiter;
}

export function createMemoryRateLimiter(limits: readonly RateLimit[], clock: Clock): MemoryRateLimiter {
  const rules = rulesOf(limits);
  return limiterOf(rules, new Levels(rules.all, clock), clock);
}

function limiterOf(rules: LimitRules, levels: Levels, clock: Clock): MemoryRateLimiter {
  return {
    limitsCalls: rules.ofCalls.length > 0,
    take: (subject) => levels.take(rulesFor(rules, subject), subject, 1),
    follow: (limits) => {
      const next = rulesOf(limits);
      return limiterOf(next, new Levels(next.all, clock, levels), clock);
    },
  };
}
