import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LedgerHour } from '../core/ledger.ts';
import { createRates, type Price } from './price.ts';
import { cloudCostOf, returnsOf, serverReturns } from './returns.ts';
import { trueCostsOf } from './true-costs.ts';

const dayMs = 86_400_000;
const beginMs = Date.UTC(2026, 10, 1);
/** 8.64 USD a day. */
const server = {
  monthlyUsd: 262.8,
  utilisation: 0.5,
  inputTokensPerSecond: 2_000,
  outputTokensPerSecond: 100,
};
const servers = new Map([['gpu', server]]);
const flat: Price = [{ aboveTokens: 0, rates: createRates({ inputPerM: 1, outputPerM: 10 }) }];

function hour(changed: Partial<LedgerHour> = {}): LedgerHour {
  return {
    hourMs: beginMs,
    upstream: 'gpu',
    targetModel: 'gemma',
    exchanges: 10,
    inputTokens: 0,
    cachedInputTokens: 0,
    outputTokens: 90_000,
    reasoningTokens: 0,
    costNanoUsd: 180_000_000,
    ...changed,
  };
}

test('a server costs its days, busy or not, and an inference its part of all that was paid', () => {
  const span = { fromMs: beginMs, toMs: beginMs + 2 * dayMs };
  const billed = hour({ upstream: 'cloud', exchanges: 5, outputTokens: 1_000, costNanoUsd: 720_000_000 });
  const costs = trueCostsOf({ span, firstMs: beginMs, servers, hours: [hour(), billed] });
  const [gpu] = costs.servers;
  assert.deepEqual([gpu?.timeNanoUsd, gpu?.busyS], [17_280_000_000, 900]);
  assert.equal(gpu?.utilisation, 900 / 172_800);
  assert.deepEqual(
    gpu.days.map(({ timeNanoUsd, idleNanoUsd, work }) => [timeNanoUsd, idleNanoUsd, work.exchanges]),
    [
      [8_640_000_000, 8_550_000_000, 10],
      [8_640_000_000, 8_640_000_000, 0],
    ],
  );
  assert.deepEqual(costs.total, {
    exchanges: 15,
    tokens: 91_000,
    serverNanoUsd: 17_280_000_000,
    idleNanoUsd: 17_190_000_000,
    meteredNanoUsd: 720_000_000,
    nanoUsd: 18_000_000_000,
  });
});

test('days and upstreams add up to the whole, whatever was done', () => {
  const hours = fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: 24 * 10 - 1 }),
      upstream: fc.constantFrom('gpu', 'cloud', ''),
      outputTokens: fc.integer({ min: 0, max: 1_000_000 }),
      costNanoUsd: fc.integer({ min: 0, max: 1_000_000_000 }),
    }),
  );
  const until = fc.integer({ min: 0, max: 10 * dayMs });
  fc.assert(
    fc.property(hours, until, (some, ms) => {
      const all = some.map(({ at, ...one }) => hour({ hourMs: beginMs + at * 3_600_000, ...one }));
      const span = { fromMs: beginMs, toMs: beginMs + ms };
      const costs = trueCostsOf({ span, firstMs: beginMs, servers, hours: all });
      for (const { days, timeNanoUsd, idleNanoUsd } of costs.servers) {
        assert.equal(
          days.reduce((sum, day) => sum + day.timeNanoUsd, 0),
          timeNanoUsd,
        );
        assert.equal(
          days.reduce((sum, day) => sum + day.idleNanoUsd, 0),
          idleNanoUsd,
        );
        assert.ok(idleNanoUsd <= timeNanoUsd);
      }
      const paidToOthers = all
        .filter(({ upstream }) => upstream !== 'gpu')
        .reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
      assert.equal(costs.total.meteredNanoUsd, paidToOthers);
      assert.equal(costs.total.nanoUsd, paidToOthers + (costs.servers[0]?.timeNanoUsd ?? 0));
    }),
  );
});

for (const [what, since, firstMs, days] of [
  ['the day that was said', '2026-11-03', beginMs - 9 * dayMs, 2],
  ['the first day of the ledger where none was said', undefined, beginMs + 3 * dayMs + 7_000, 1],
  ['the first day that is asked for, at the earliest', '2020-01-01', undefined, 4],
  ['no day at all while nothing is known', undefined, undefined, 0],
] as const) {
  test(`a server costs from ${what} on`, () => {
    const span = { fromMs: beginMs, toMs: beginMs + 4 * dayMs };
    const costs = trueCostsOf({
      span,
      firstMs,
      servers: new Map([['gpu', { ...server, since }]]),
      hours: [],
    });
    assert.equal(costs.servers[0]?.days.length, days);
    assert.equal(costs.total.serverNanoUsd, days * 8_640_000_000);
  });
}

test('returns: what the same tokens would have cost, from when on it pays, and how soon', () => {
  const span = { fromMs: beginMs, toMs: beginMs + dayMs };
  const embeddings = hour({ targetModel: 'nomic', inputTokens: 5_000_000, outputTokens: 0 });
  const hours = [hour({ outputTokens: 2_160_000 }), embeddings];
  const cloud = cloudCostOf(hours, flat);
  assert.equal(cloud, 21_600_000_000, 'embeddings are compared with nothing');
  const [gpu] = trueCostsOf({
    span,
    firstMs: beginMs,
    servers,
    hours: [hour({ outputTokens: 2_160_000 })],
  }).servers;
  assert.ok(gpu !== undefined);
  const returns = serverReturns(gpu, cloud);
  assert.deepEqual([returns.netNanoUsd, returns.ratio], [12_960_000_000, 2.5]);
  // It was busy for 21,600 of 86,400 s, and 40 % of that would have been worth its price.
  assert.ok(Math.abs((returns.breakEvenUtilisation ?? 0) - 0.1) < 1e-12);
  assert.ok(Math.abs((returns.breakEvenDays ?? 0) - 262.8 / 21.6) < 1e-9);
  assert.equal(serverReturns(gpu, 0).breakEvenDays, undefined, 'no pace, no day');
  assert.equal(returnsOf(5, 0).ratio, undefined);
});
