/** A limiter of one driver, counting by a clock that the test holds. */
import { test } from 'node:test';
import type { LimitSubject, RateLimiter } from '../../src/core/ports.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createHeldClock } from '../held-clock.ts';
import { createCallers } from './callers.ts';

export interface RateLimitRule {
  readonly per: 'key' | 'user' | 'team' | 'tenant' | 'model' | 'route' | 'address' | 'global';
  readonly requests?: { readonly count: number; readonly perMs: number };
  readonly burst?: number;
  readonly tokens?: { readonly count: number; readonly perMs: number };
  readonly burstTokens?: number;
  readonly concurrent?: number;
  readonly route?: string;
  readonly model?: string;
}

/** With nothing taken yet, and counting by this clock alone. */
export type CreateRateLimiter = (
  limits: readonly RateLimitRule[],
  clock: Clock,
) => RateLimiter | Promise<RateLimiter>;

export interface RateLimiterSuite {
  readonly driver: string;
  readonly create: CreateRateLimiter;
  /** How much of the costly properties is tried. */
  readonly strangers: number;
  readonly runs: number;
  /** How much of a whole interval the driver may ask for more, where it counts in whole units of time. */
  readonly roundingMs: number;
}

export const subject: LimitSubject = {
  key: 'k',
  user: '',
  team: '',
  tenant: 't',
  address: '192.0.2.1',
  route: '/v1/chat/completions',
};

export function rigOf({ create, driver }: RateLimiterSuite) {
  const open = async (...limits: readonly RateLimitRule[]) => {
    const clock = createHeldClock();
    const limiter = await create(limits, clock);
    const asked = createCallers();
    const take = async (changed: Partial<LimitSubject> = {}) =>
      limiter.take(asked({ ...subject, ...changed }));
    const takes = async (count: number, changed: Partial<LimitSubject> = {}) => {
      let passed = 0;
      for (let taken = 0; taken < count; taken += 1) passed += Number((await take(changed)).allowed);
      return passed;
    };
    return { clock, limiter, take, takes };
  };
  const promise = (name: string, run: () => Promise<void>) => test(`${driver}: ${name}`, run);
  return { open, promise };
}
