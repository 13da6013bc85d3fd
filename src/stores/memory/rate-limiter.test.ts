import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placesConformance } from '../../../test/conformance/places.ts';
import { rateLimiterConformance } from '../../../test/conformance/rate-limiter.ts';
import { createHeldClock } from '../../../test/held-clock.ts';
import { createMemoryRateLimiter } from './rate-limiter.ts';

rateLimiterConformance({
  driver: 'memory',
  create: createMemoryRateLimiter,
  strangers: 50_000,
  runs: 100,
  roundingMs: 0,
});

placesConformance('memory', createMemoryRateLimiter);

test('a reload forgets nothing that was taken from a limit it leaves as it is', () => {
  const clock = createHeldClock();
  const kept = { per: 'key', requests: { count: 60, perMs: 60_000 }, burst: 1 } as const;
  const subject = { key: 'k', user: '', team: '', tenant: 't', address: 'a', route: '/' };
  const before = createMemoryRateLimiter([kept], clock);
  assert.equal(before.take(subject).allowed, true);
  assert.equal(before.follow([{ ...kept }]).take(subject).allowed, false);
  assert.equal(before.follow([{ ...kept, burst: 2 }]).take(subject).allowed, true);
});

test('a reload knows who still runs, and lets them leave', () => {
  const clock = createHeldClock();
  const kept = { per: 'key', concurrent: 1 } as const;
  const subject = { key: 'k', user: '', team: '', tenant: 't', address: 'a', route: '/' };
  const before = createMemoryRateLimiter([kept], clock);
  const running = before.take(subject);
  assert.ok(running.allowed);
  const now = before.follow([{ ...kept }, { per: 'tenant', concurrent: 9 }]);
  assert.equal(now.take(subject).allowed, false);
  running.settle?.(undefined);
  assert.equal(now.take(subject).allowed, true);
});
