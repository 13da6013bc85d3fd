/** What every driver of `RateLimiter` promises of limits on how many run at once, and of what is left. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LimitDecision, LimitSubject } from '../../src/core/ports.ts';
import { createHeldClock } from '../held-clock.ts';
import { createCallers } from './callers.ts';
import type { CreateRateLimiter, RateLimitRule } from './rate-limiter-rig.ts';

const subject: LimitSubject = {
  key: 'k',
  user: 'ada',
  team: 'search',
  tenant: 't',
  address: '192.0.2.1',
  route: 'openai.chat',
};

export function placesConformance(driver: string, create: CreateRateLimiter): void {
  const open = async (...limits: readonly RateLimitRule[]) => {
    const clock = createHeldClock();
    const limiter = await create(limits, clock);
    const asked = createCallers();
    const take = async (changed: Partial<LimitSubject> = {}) =>
      limiter.take(asked({ ...subject, ...changed }));
    /** Those that passed, each still running. */
    const begin = async (count: number, changed: Partial<LimitSubject> = {}) => {
      const decisions = await Promise.all(Array.from({ length: count }, () => take(changed)));
      return decisions.filter(({ allowed }) => allowed);
    };
    return { clock, limiter, take, begin };
  };
  const promise = (name: string, run: () => Promise<void>) => test(`${driver}: ${name}`, run);

  promise(
    'C11: so many run at once and no more; who ends leaves one place, whatever it came to',
    async () => {
      const { clock, take, begin } = await open({ per: 'key', concurrent: 3 });
      const running = await begin(20);
      assert.equal(running.length, 3);
      const refused = await take();
      assert.ok(!refused.allowed);
      assert.equal(refused.retryAfterMs, 1_000);
      assert.match(refused.limit, /3 at once for each key/);
      clock.advance(20_000);
      assert.equal((await begin(5)).length, 0, 'they run for as long as they run');
      end(running[0], undefined);
      end(running[1], 12);
      assert.equal((await begin(5)).length, 2);
      assert.equal((await begin(5, { key: 'other' })).length, 3, 'others have places of their own');
    },
  );

  promise('places, requests and tokens are taken together, or none', async () => {
    const rate = { count: 60, perMs: 60_000 };
    const { clock, take, begin } = await open({ per: 'key', concurrent: 2, requests: rate, burst: 3 });
    const running = await begin(9);
    assert.equal(running.length, 2);
    for (const each of running) end(each);
    const [third] = await begin(9);
    assert.ok(third !== undefined, 'what was refused for its place cost no request');
    assert.equal((await begin(9)).length, 0);
    end(third);
    clock.advance(1_000);
    const [fourth] = await begin(1);
    assert.ok(fourth !== undefined, 'what was refused for its rate holds no place');
    clock.advance(1_000);
    assert.ok((await take()).allowed);
  });

  promise('a limit per user or per team holds for all their keys, and for nobody without one', async () => {
    for (const per of ['user', 'team'] as const) {
      for (const limit of [
        { per, concurrent: 2 },
        { per, requests: { count: 1, perMs: 60_000 }, burst: 2 },
      ]) {
        const { begin } = await open(limit);
        assert.equal((await begin(1)).length, 1);
        assert.equal((await begin(9, { key: 'another', address: 'elsewhere' })).length, 1);
        assert.equal((await begin(9, { [per]: 'other' })).length, 2);
        assert.equal((await begin(9, { [per]: '' })).length, 9);
      }
    }
  });

  promise('places of calls are taken when the call is known, those of callers before', async () => {
    const { limiter, begin } = await open({ per: 'model', concurrent: 1 }, { per: 'tenant', concurrent: 2 });
    assert.ok(limiter.limitsCalls && limiter.limitsCallers);
    const call = (model: string) => ({ call: { model, tokens: 1 } });
    assert.equal((await begin(9)).length, 2);
    assert.equal((await begin(9, call('big'))).length, 1);
    assert.equal((await begin(9, call('small'))).length, 1);
  });

  promise(
    'C11: in whatever order they come and go, never more run than may, and no place is lost',
    async () => {
      const steps = fc.array(fc.record({ come: fc.nat(4), go: fc.nat(4), waitMs: fc.nat(3_000) }), {
        minLength: 1,
        maxLength: 25,
      });
      await fc.assert(
        fc.asyncProperty(steps, async (all) => {
          const { clock, begin } = await open({ per: 'key', concurrent: 5 });
          const running: LimitDecision[] = [];
          for (const { come, go, waitMs } of all) {
            const before = running.length;
            running.push(...(await begin(come)));
            assert.equal(running.length, Math.min(5, before + come));
            for (const each of running.splice(0, go)) end(each);
            clock.advance(waitMs);
          }
        }),
        { numRuns: 15 },
      );
    },
  );

  promise('a decision tells what is left of the tightest limit of each unit', async () => {
    const tokens = { tokens: { count: 600, perMs: 60_000 }, burstTokens: 100 };
    const { clock, take } = await open(
      { per: 'tenant', requests: { count: 60, perMs: 60_000 }, burst: 100 },
      { per: 'key', requests: { count: 6, perMs: 60_000 }, burst: 3 },
      { per: 'key', ...tokens },
    );
    const call = { call: { model: 'm', tokens: 30 } };
    assert.deepEqual((await take(call)).standing, {
      requests: undefined,
      tokens: { limit: 100, remaining: 70, resetMs: 3_000, windowMs: 10_000 },
    });
    const requests = async () => (await take()).standing?.requests;
    assert.deepEqual(await requests(), { limit: 3, remaining: 2, resetMs: 10_000, windowMs: 30_000 });
    assert.deepEqual(await requests(), { limit: 3, remaining: 1, resetMs: 20_000, windowMs: 30_000 });
    clock.advance(4_000);
    assert.deepEqual(await requests(), { limit: 3, remaining: 0, resetMs: 26_000, windowMs: 30_000 });
    const refused = await take();
    assert.ok(!refused.allowed);
    assert.equal(refused.retryAfterMs, 6_000);
    assert.deepEqual(refused.standing?.requests, {
      limit: 3,
      remaining: 0,
      resetMs: 26_000,
      windowMs: 30_000,
    });
    clock.advance(26_000);
    assert.equal((await requests())?.remaining, 2);
  });
}

function end(decision: LimitDecision | undefined, tokens?: number): void {
  assert.ok(decision?.allowed && decision.settle !== undefined);
  decision.settle(tokens);
}
