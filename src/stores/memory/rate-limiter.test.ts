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

test('G14: a flood of strangers from one party frees no address of what it used', () => {
  const clock = createHeldClock();
  const limiter = createMemoryRateLimiter(
    [{ per: 'address', requests: { count: 1, perMs: 3_600_000 }, burst: 10 }],
    clock,
  );
  const ask = (address: string) =>
    limiter.take({ key: 'k', user: '', team: '', tenant: 't', address, route: '/' }).allowed;
  for (let sent = 0; sent < 10; sent += 1) assert.ok(ask('greedy'));
  for (let stranger = 0; stranger < 250_000; stranger += 1) assert.ok(ask(`stranger-${stranger}`));
  assert.equal(ask('greedy'), false);
});

test('a caller that is known again counts with whoever asks in its name, when it was forgotten meanwhile too', () => {
  const clock = createHeldClock();
  const hourly = { per: 'key', requests: { count: 1, perMs: 3_600_000 }, burst: 2 } as const;
  const limiter = createMemoryRateLimiter([hourly], clock);
  const subject = { key: 'k', user: '', team: '', tenant: 't', address: 'a', route: '/' };
  const known = { ...subject, found: { limits: undefined, budgets: undefined } };
  assert.deepEqual([limiter.take(known).allowed, limiter.take(known).allowed], [true, true]);
  assert.equal(limiter.take(known).allowed, false);
  clock.advance(7_200_000);
  for (let stranger = 0; stranger < 100_000; stranger += 1) limiter.take({ ...subject, key: `${stranger}` });
  assert.equal(limiter.take(subject).allowed, true);
  assert.deepEqual([limiter.take(known).allowed, limiter.take(known).allowed], [true, false]);
  const changed = limiter.follow([{ per: 'key', requests: hourly.requests, burst: 1 }, hourly]);
  assert.equal(changed.take(known).allowed, false, 'by the limit that stayed');
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
