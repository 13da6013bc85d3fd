/** What every driver of `RateLimiter` promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LimitSubject, RateLimiter } from '../../src/core/ports.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createHeldClock } from '../held-clock.ts';

export interface RateLimitRule {
  readonly per: 'key' | 'tenant' | 'address';
  readonly requests: { readonly count: number; readonly perMs: number };
  readonly burst?: number;
  readonly route?: string;
}

export type CreateRateLimiter = (limits: readonly RateLimitRule[], clock: Clock) => RateLimiter;

const subject: LimitSubject = {
  key: 'k',
  tenant: 't',
  address: '192.0.2.1',
  route: '/v1/chat/completions',
  onLoopback: false,
};

export function rateLimiterConformance(driver: string, create: CreateRateLimiter): void {
  const open = (...limits: readonly RateLimitRule[]) => {
    const clock = createHeldClock();
    const limiter = create(limits, clock);
    const take = (changed: Partial<LimitSubject> = {}) => limiter.take({ ...subject, ...changed });
    const takes = (count: number, changed: Partial<LimitSubject> = {}) =>
      Array.from({ length: count }, () => take(changed)).filter(({ allowed }) => allowed).length;
    return { clock, take, takes };
  };
  const promise = (name: string, run: () => void) => test(`${driver}: ${name}`, run);

  promise('without limits, and on loopback, everything is allowed', () => {
    assert.equal(open().takes(1_000), 1_000);
    const { takes } = open({ per: 'key', requests: { count: 1, perMs: 60_000 }, burst: 1 });
    assert.equal(takes(1_000, { onLoopback: true }), 1_000);
  });

  promise('C11: the burst passes at once, then one for each interval, at its very end', () => {
    const { clock, takes } = open({ per: 'key', requests: { count: 60, perMs: 60_000 }, burst: 10 });
    assert.equal(takes(100), 10);
    clock.advance(999);
    assert.equal(takes(1), 0);
    clock.advance(1);
    assert.equal(takes(5), 1);
    clock.advance(3_600_000);
    assert.equal(takes(100), 10, 'what was not used does not add up beyond the burst');
  });

  promise('C11: a refusal names its limit and a time after which the next request passes', () => {
    const { clock, take, takes } = open({ per: 'key', requests: { count: 6, perMs: 60_000 }, burst: 1 });
    assert.equal(takes(1), 1);
    clock.advance(2_500);
    const refused = take();
    assert.ok(!refused.allowed);
    assert.equal(refused.retryAfterS, 8);
    assert.match(refused.limit, /6 .*key/);
    clock.advance(refused.retryAfterS * 1_000);
    assert.equal(takes(1), 1);
  });

  promise('subjects are counted apart, by what the limit is for', () => {
    for (const per of ['key', 'tenant', 'address'] as const) {
      const { takes } = open({ per, requests: { count: 1, perMs: 60_000 }, burst: 2 });
      assert.equal(takes(9), 2);
      assert.equal(takes(9, { [per]: 'other' }), 2);
      const others = { key: 'x', tenant: 'x', address: 'x', [per]: subject[per] };
      assert.equal(takes(9, others), 0);
    }
  });

  promise('a limit for a route counts that route alone', () => {
    const { takes } = open({ per: 'key', requests: { count: 1, perMs: 60_000 }, burst: 1, route: '/a' });
    assert.equal(takes(5, { route: '/a' }), 1);
    assert.equal(takes(5, { route: '/b' }), 5);
  });

  promise('all limits that apply are taken from, or none', () => {
    const { takes } = open(
      { per: 'key', requests: { count: 1, perMs: 60_000 }, burst: 5 },
      { per: 'tenant', requests: { count: 1, perMs: 60_000 }, burst: 2 },
    );
    assert.equal(takes(50), 2);
    assert.equal(takes(50, { tenant: 'other' }), 2, 'what the tenant was refused did not cost the key');
    assert.equal(takes(50, { tenant: 'third' }), 1);
  });

  promise('P8: a wall clock that jumps changes nothing', () => {
    const held = createHeldClock();
    let wallMs = 0;
    const limiter = create([{ per: 'key', requests: { count: 1, perMs: 60_000 }, burst: 1 }], {
      ...held,
      wall: () => wallMs,
    });
    assert.ok(limiter.take(subject).allowed);
    wallMs = 1e12;
    assert.ok(!limiter.take(subject).allowed);
    wallMs = -1e12;
    assert.ok(!limiter.take(subject).allowed);
  });

  promise(
    'C11: in no span of time more than burst + rate × t pass, and a patient caller is never refused',
    () => {
      const limit = fc.record({
        count: fc.integer({ min: 1, max: 1_000 }),
        perMs: fc.constantFrom(1_000, 60_000, 3_600_000),
        burst: fc.integer({ min: 1, max: 50 }),
      });
      const waits = fc.array(fc.oneof(fc.constant(0), fc.nat(50), fc.nat(20_000)), {
        minLength: 1,
        maxLength: 120,
      });
      fc.assert(
        fc.property(limit, waits, ({ count, perMs, burst }, gaps) => {
          const { clock, take } = open({ per: 'key', requests: { count, perMs }, burst });
          const passed: number[] = [];
          for (const gap of gaps) {
            clock.advance(gap);
            if (take().allowed) passed.push(clock.now());
            else assert.ok(gap < perMs / count, 'whoever waits a whole interval passes');
          }
          for (const [first, from] of passed.entries()) {
            for (let last = first; last < passed.length; last += 1) {
              const spanMs = (passed[last] ?? 0) - from;
              // A hair for what division leaves over.
              assert.ok(last - first + 1 <= burst + (spanMs * count) / perMs + 1e-6);
            }
          }
        }),
      );
    },
  );

  promise(
    'G14: a flood of subjects neither grows without end nor frees those who are over their limit',
    () => {
      const { takes, take } = open({ per: 'address', requests: { count: 1, perMs: 60_000 }, burst: 1 });
      for (let stranger = 0; stranger < 50_000; stranger += 1) take({ address: `stranger-${stranger}` });
      assert.equal(takes(5, { address: 'stranger-49999' }), 0);
    },
  );
}
