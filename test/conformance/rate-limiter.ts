/** What every driver of `RateLimiter` promises. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createHeldClock } from '../held-clock.ts';
import { type RateLimiterSuite, rigOf, subject } from './rate-limiter-rig.ts';
import { tokenRatesConformance } from './token-rates.ts';

interface Used {
  readonly atMs: number;
  readonly count: number;
}

function assertWithin(passed: readonly Used[], { burst, perMs }: { burst: number; perMs: number }): void {
  for (const [first, { atMs }] of passed.entries()) {
    let sum = 0;
    for (const each of passed.slice(first)) {
      sum += each.count;
      // A hair for what division leaves over.
      assert.ok(sum <= burst + (each.atMs - atMs) * perMs + 1e-6, `${sum} in ${each.atMs - atMs} ms`);
    }
  }
}

export function rateLimiterConformance(suite: RateLimiterSuite): void {
  const { create } = suite;
  const { open, promise } = rigOf(suite);

  promise('without limits everything is allowed', async () => {
    assert.equal(await (await open()).takes(1_000), 1_000);
  });

  promise('C11: the burst passes at once, then one for each interval, at its very end', async () => {
    const { clock, takes } = await open({ per: 'key', requests: { count: 60, perMs: 60_000 }, burst: 10 });
    assert.equal(await takes(100), 10);
    clock.advance(999);
    assert.equal(await takes(1), 0);
    clock.advance(1);
    assert.equal(await takes(5), 1);
    clock.advance(3_600_000);
    assert.equal(await takes(100), 10, 'what was not used does not add up beyond the burst');
  });

  promise('C11: of a hundred at once no more than the burst pass', async () => {
    const { take } = await open({ per: 'key', requests: { count: 60, perMs: 60_000 }, burst: 10 });
    assert.ok((await take()).allowed);
    const decisions = await Promise.all(Array.from({ length: 100 }, () => take()));
    assert.equal(decisions.filter(({ allowed }) => allowed).length, 9);
  });

  promise('C11: a refusal names its limit and a time after which the next request passes', async () => {
    const { clock, take, takes } = await open({
      per: 'key',
      requests: { count: 6, perMs: 60_000 },
      burst: 1,
    });
    assert.equal(await takes(1), 1);
    clock.advance(2_500);
    const refused = await take();
    assert.ok(!refused.allowed);
    assert.equal(refused.retryAfterMs, 7_500);
    assert.match(refused.limit, /6 .*key/);
    clock.advance(refused.retryAfterMs);
    assert.equal(await takes(1), 1);
  });

  promise('subjects are counted apart, by what the limit is for', async () => {
    for (const per of ['key', 'tenant', 'address'] as const) {
      const { takes } = await open({ per, requests: { count: 1, perMs: 60_000 }, burst: 2 });
      assert.equal(await takes(9), 2);
      assert.equal(await takes(9, { [per]: 'other' }), 2);
      const others = {
        key: 'x',
        user: '',
        team: '',
        tenant: 'x',
        address: 'x',
        route: '/x',
        [per]: subject[per],
      };
      assert.equal(await takes(9, others), 0);
    }
  });

  promise('a limit per route counts each route, a global one everybody', async () => {
    const rate = { requests: { count: 1, perMs: 60_000 }, burst: 2 };
    const byRoute = await open({ per: 'route', ...rate });
    const stranger = { key: 'x', user: '', team: '', tenant: 'x', address: 'x' };
    assert.equal(await byRoute.takes(9), 2);
    assert.equal(await byRoute.takes(9, stranger), 0);
    assert.equal(await byRoute.takes(9, { route: '/other' }), 2);
    const global = await open({ per: 'global', ...rate });
    assert.equal(await global.takes(1), 1);
    assert.equal(await global.takes(9, { ...stranger, route: '/other' }), 1);
  });

  promise('limits that ask for the model are taken once the call is known, the others before', async () => {
    const rate = { requests: { count: 1, perMs: 60_000 } };
    const { limiter, takes } = await open(
      { per: 'key', ...rate, burst: 5 },
      { per: 'model', ...rate, burst: 3 },
      { per: 'key', model: 'big', ...rate, burst: 2 },
    );
    assert.ok(limiter.limitsCalls);
    assert.ok(!(await open({ per: 'key', ...rate })).limiter.limitsCalls);
    const big = { call: { model: 'big', tokens: 1 } };
    const small = { call: { model: 'small', tokens: 1 } };
    assert.equal(await takes(9, big), 2);
    assert.equal(
      await takes(9, { ...big, key: 'other' }),
      1,
      'what the first was refused cost the model nothing',
    );
    assert.equal(await takes(9, small), 3);
    assert.equal(await takes(9), 5, 'calls that were refused later have not come here');
  });

  promise('a limit for a route counts that route alone', async () => {
    const { takes } = await open({
      per: 'key',
      requests: { count: 1, perMs: 60_000 },
      burst: 1,
      route: '/a',
    });
    assert.equal(await takes(5, { route: '/a' }), 1);
    assert.equal(await takes(5, { route: '/b' }), 5);
  });

  promise('a limit that is written twice is one', async () => {
    const once = { per: 'key', requests: { count: 1, perMs: 60_000 }, burst: 4 } as const;
    assert.equal(await (await open(once, { ...once })).takes(9), 4);
  });

  promise('all limits that apply are taken from, or none', async () => {
    const { takes } = await open(
      { per: 'key', requests: { count: 1, perMs: 60_000 }, burst: 5 },
      { per: 'tenant', requests: { count: 1, perMs: 60_000 }, burst: 2 },
    );
    assert.equal(await takes(50), 2);
    assert.equal(
      await takes(50, { user: '', team: '', tenant: 'other' }),
      2,
      'what the tenant was refused did not cost the key',
    );
    assert.equal(await takes(50, { user: '', team: '', tenant: 'third' }), 1);
  });

  promise('P8: a wall clock that jumps changes nothing', async () => {
    const held = createHeldClock();
    let wallMs = 0;
    const limiter = await create([{ per: 'key', requests: { count: 1, perMs: 60_000 }, burst: 1 }], {
      ...held,
      wall: () => wallMs,
    });
    assert.ok((await limiter.take(subject)).allowed);
    wallMs = 1e12;
    assert.ok(!(await limiter.take(subject)).allowed);
    wallMs = -1e12;
    assert.ok(!(await limiter.take(subject)).allowed);
  });

  promise(
    'C11: in no span of time more than burst + rate × t pass, and a patient caller is never refused',
    async () => {
      const limit = fc.record({
        count: fc.integer({ min: 1, max: 1_000 }),
        perMs: fc.constantFrom(1_000, 60_000, 3_600_000),
        burst: fc.integer({ min: 1, max: 50 }),
      });
      const waits = fc.array(fc.oneof(fc.constant(0), fc.nat(50), fc.nat(20_000)), {
        minLength: 1,
        maxLength: 120,
      });
      await fc.assert(
        fc.asyncProperty(limit, waits, async ({ count, perMs, burst }, gaps) => {
          const { clock, take } = await open({ per: 'key', requests: { count, perMs }, burst });
          const passed: number[] = [];
          for (const gap of gaps) {
            clock.advance(gap);
            if ((await take()).allowed) passed.push(clock.now());
            else assert.ok(gap < perMs / count + suite.roundingMs, 'whoever waits a whole interval passes');
          }
          const each = passed.map((atMs) => ({ atMs, count: 1 }));
          assertWithin(each, { burst, perMs: count / perMs });
        }),
        { numRuns: suite.runs },
      );
    },
  );

  promise(
    'G14: a flood of subjects neither grows without end nor frees those who are over their limit',
    async () => {
      const { takes, take } = await open({
        per: 'address',
        requests: { count: 1, perMs: 60_000 },
        burst: 1,
      });
      for (let stranger = 0; stranger < suite.strangers; stranger += 1)
        await take({ address: `stranger-${stranger}` });
      assert.equal(await takes(5, { address: `stranger-${suite.strangers - 1}` }), 0);
    },
  );

  tokenRatesConformance(suite);
}
