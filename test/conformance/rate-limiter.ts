/** What every driver of `RateLimiter` promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LimitSubject, RateLimiter } from '../../src/core/ports.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createHeldClock } from '../held-clock.ts';

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

const subject: LimitSubject = {
  key: 'k',
  user: '',
  team: '',
  tenant: 't',
  address: '192.0.2.1',
  route: '/v1/chat/completions',
};

/** A call with tokens: how long after the one before, and how many steps later it is known what it came to. */
const step = fc.record({
  waitMs: fc.oneof(fc.constantFrom(0, 0, 10_000), fc.nat(200), fc.nat(8_000)),
  estimate: fc.oneof(fc.integer({ min: 1, max: 120 }), fc.constant(100)),
  share: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })),
  later: fc.nat(6),
});

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
  const open = async (...limits: readonly RateLimitRule[]) => {
    const clock = createHeldClock();
    const limiter = await create(limits, clock);
    const take = async (changed: Partial<LimitSubject> = {}) => limiter.take({ ...subject, ...changed });
    const takes = async (count: number, changed: Partial<LimitSubject> = {}) => {
      let passed = 0;
      for (let taken = 0; taken < count; taken += 1) passed += Number((await take(changed)).allowed);
      return passed;
    };
    return { clock, limiter, take, takes };
  };
  const promise = (name: string, run: () => Promise<void>) => test(`${suite.driver}: ${name}`, run);

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

  /** 100 tokens at once, 10 a second. */
  const tokens = { per: 'key', tokens: { count: 600, perMs: 60_000 }, burstTokens: 100 } as const;
  const callOf = (count: number) => ({ call: { model: 'm', tokens: count } });

  promise(
    'tokens: what a call will come to is taken before, and refused with the time it takes',
    async () => {
      const { clock, take } = await open(tokens);
      assert.ok((await take(callOf(60))).allowed);
      assert.ok((await take(callOf(40))).allowed);
      const refused = await take(callOf(25));
      assert.ok(!refused.allowed);
      assert.equal(refused.retryAfterMs, 2_500);
      assert.match(refused.limit, /600 tokens .*key/);
      clock.advance(2_500);
      assert.ok((await take(callOf(25))).allowed);
      assert.ok(!(await take(callOf(1))).allowed);
    },
  );

  promise('tokens: what was estimated too high is given back, what was too low is owed', async () => {
    const { clock, take } = await open(tokens);
    const high = await take(callOf(90));
    assert.ok(high.allowed);
    high.settle?.(30);
    const low = await take(callOf(70));
    assert.ok(low.allowed, '70 were left');
    low.settle?.(120);
    const owing = await take(callOf(1));
    assert.ok(!owing.allowed);
    assert.equal(owing.retryAfterMs, 5_100, '50 are owed, and 1 is asked for');
    clock.advance(5_100);
    assert.ok((await take(callOf(1))).allowed);
  });

  promise('tokens: what time gave back already is not given back again', async () => {
    const { clock, take } = await open(tokens);
    const first = await take(callOf(100));
    assert.ok(first.allowed);
    clock.advance(10_000);
    assert.ok((await take(callOf(100))).allowed);
    first.settle?.(0);
    assert.ok(!(await take(callOf(1))).allowed);
  });

  promise(
    'tokens: a call that is larger than the burst passes alone, and owes the rest, yet not for ever',
    async () => {
      const { clock, take } = await open(tokens);
      const large = await take(callOf(1e9));
      assert.ok(large.allowed);
      large.settle?.(1e9);
      const refused = await take(callOf(100));
      assert.ok(!refused.allowed);
      assert.equal(refused.retryAfterMs, 20_000);
      clock.advance(20_000);
      assert.ok((await take(callOf(100))).allowed);
    },
  );

  promise('tokens and requests are taken together, or none', async () => {
    const { take } = await open({ ...tokens, requests: { count: 1, perMs: 60_000 }, burst: 2 });
    assert.ok((await take(callOf(100))).allowed);
    assert.ok(!(await take(callOf(100))).allowed, 'there are no tokens left');
    assert.ok((await take({ ...callOf(100), key: 'other' })).allowed);
    const small = await open({ ...tokens, requests: { count: 1, perMs: 60_000 }, burst: 2 });
    assert.ok((await small.take(callOf(90))).allowed);
    for (let tried = 0; tried < 5; tried += 1) assert.ok(!(await small.take(callOf(50))).allowed);
    assert.ok((await small.take(callOf(1))).allowed, 'what was refused for its tokens cost no request');
    assert.ok(!(await small.take(callOf(1))).allowed, 'there are no requests left');
  });

  promise('tokens: nor what others gave back already, in whatever order they end', async () => {
    const { clock, take } = await open(tokens);
    const large = await take(callOf(90));
    const small = await take(callOf(10));
    assert.ok(large.allowed && small.allowed);
    clock.advance(1_000);
    large.settle?.(0);
    await take(callOf(1));
    clock.advance(1_500);
    assert.ok((await take(callOf(100))).allowed, 'all is there again');
    clock.advance(500);
    small.settle?.(0);
    assert.ok((await take(callOf(5))).allowed);
    assert.ok(!(await take(callOf(1))).allowed, 'half a second is worth five');
  });

  promise('C11: however calls overlap and end, no more tokens are used than burst + rate × t', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 80 }), async (steps) => {
        const { clock, take } = await open(tokens);
        const passed: Used[] = [];
        const pending: { readonly due: number; readonly settle: () => void }[] = [];
        for (const [index, { waitMs, estimate, share, later }] of steps.entries()) {
          clock.advance(waitMs);
          const decision = await take(callOf(estimate));
          const count = Math.floor(Math.min(estimate, 100) * share);
          if (decision.allowed) {
            passed.push({ atMs: clock.now(), count });
            pending.push({ due: index + later, settle: () => decision.settle?.(count) });
          }
          for (const { settle } of pending.filter(({ due }) => due === index)) settle();
        }
        assertWithin(passed, { burst: 100, perMs: 0.01 });
      }),
      { numRuns: suite.runs },
    );
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
}
