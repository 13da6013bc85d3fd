/** Limits in this process: one moment a subject, exact for every span of time, and a count of those that run. */
import type { LimitDecision, LimitSubject } from '../../core/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import {
  type ConfiguredRateLimiter,
  isEmpty,
  type LimitRules,
  type RateLimit,
  rulesOf,
  stepFor,
} from '../limit-rules.ts';
import { LocalLimits } from './local-limits.ts';

export interface MemoryRateLimiter extends ConfiguredRateLimiter {
  take(subject: LimitSubject): LimitDecision;
  follow(limits: readonly RateLimit[]): MemoryRateLimiter;
}

export function createMemoryRateLimiter(limits: readonly RateLimit[], clock: Clock): MemoryRateLimiter {
  const rules = rulesOf(limits);
  return limiterOf(rules, new LocalLimits(rules, clock));
}

const alone = { replicas: 1 };

function limiterOf(rules: LimitRules, local: LocalLimits): MemoryRateLimiter {
  return {
    limitsCallers: !isEmpty(rules.atDoor),
    limitsCalls: !isEmpty(rules.ofCalls),
    take: (subject) => local.take(stepFor(rules, subject), subject, alone),
    follow: (limits) => {
      const next = rulesOf(limits);
      return limiterOf(next, local.follow(next));
    },
  };
}
