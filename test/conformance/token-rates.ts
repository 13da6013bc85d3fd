/** What every driver of `RateLimiter` promises of tokens, which are taken by an estimate and settled. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type RateLimiterSuite, rigOf } from './rate-limiter-rig.ts';

/** A call with tokens: how long after the one before, and how many steps later it is known what it came to. */
const step = fc.record({
  waitMs: fc.oneof(fc.constantFrom(0, 0, 10_000), fc.nat(200), fc.nat(8_000)),
  estimate: fc.oneof(fc.integer({ min: 1, max: 120 }), fc.constant(100)),
  share: fc.oneof(
    fc.constantFrom(0, 1),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 1, max: 20, noNaN: true }),
  ),
  later: fc.nat(6),
});

interface TokenUse {
  readonly atMs: number;
  readonly count: number;
  /** How much more it came to than was taken for it. */
  readonly beyond: number;
  settled: boolean;
}

/** Right after the last was let through: what runs and was estimated too low is all that may go beyond. */
function assertTokensWithin(
  passed: readonly TokenUse[],
  { burst, perMs }: { burst: number; perMs: number },
): void {
  const endMs = passed.at(-1)?.atMs ?? 0;
  let sum = 0;
  let unknown = 0;
  for (const { atMs, count, beyond, settled } of passed.toReversed()) {
    sum += count;
    if (!settled) unknown += beyond;
    const most = burst + (endMs - atMs) * perMs + unknown;
    assert.ok(sum <= most + 1e-6, `${sum} in ${endMs - atMs} ms, and ${most} may be`);
  }
}

/** 100 tokens at once, 10 a second. */
const tokens = { per: 'key', tokens: { count: 600, perMs: 60_000 }, burstTokens: 100 } as const;
const callOf = (count: number) => ({ call: { model: 'm', tokens: count } });

export function tokenRatesConformance(suite: RateLimiterSuite): void {
  const { open, promise } = rigOf(suite);

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
    'C11: tokens: a call that is larger than the burst passes alone, and owes all the rest, up to what a day pays for',
    async () => {
      for (const { used, owedMs } of [
        { used: 50_000, owedMs: 4_990_000 },
        { used: 1e9, owedMs: 86_400_000 },
      ]) {
        const { clock, take } = await open(tokens);
        const large = await take(callOf(1e9));
        assert.ok(large.allowed);
        large.settle?.(used);
        const refused = await take(callOf(100));
        assert.ok(!refused.allowed);
        assert.equal(refused.retryAfterMs, owedMs + 10_000, 'what is owed, and the burst itself');
        clock.advance(refused.retryAfterMs - 1);
        assert.ok(!(await take(callOf(100))).allowed);
        clock.advance(1);
        assert.ok((await take(callOf(100))).allowed);
      }
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

  promise(
    'C11: however calls overlap and end, no more tokens are used than burst + rate × t, and what runs when they are spent',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 80 }), async (steps) => {
          const { clock, take } = await open(tokens);
          const passed: TokenUse[] = [];
          const pending: { readonly due: number; readonly settle: () => void }[] = [];
          for (const [index, { waitMs, estimate, share, later }] of steps.entries()) {
            clock.advance(waitMs);
            const decision = await take(callOf(estimate));
            const taken = Math.min(estimate, 100);
            const count = Math.floor(taken * share);
            if (decision.allowed) {
              const use = { atMs: clock.now(), count, beyond: Math.max(0, count - taken), settled: false };
              passed.push(use);
              const settle = () => {
                decision.settle?.(count);
                use.settled = true;
              };
              assertTokensWithin(passed, { burst: 100, perMs: 0.01 });
              pending.push({ due: index + later, settle });
            }
            for (const { settle } of pending.filter(({ due }) => due === index)) settle();
          }
        }),
        { numRuns: suite.runs },
      );
    },
  );
}
