import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { costOf } from './cost-of.ts';
import { costOfSums } from './cost-of-sums.ts';
import { createRates, type Price, usdPerMMax } from './price.ts';

const usdPerM = fc.double({ min: 0, max: usdPerMMax, noNaN: true });
const flat = fc
  .record({ inputPerM: usdPerM, outputPerM: usdPerM, cachedInputPerM: usdPerM, reasoningPerM: usdPerM })
  .map((rates): Price => [{ aboveTokens: 0, rates: createRates(rates) }]);
const tokens = fc.integer({ min: 0, max: 2_000_000 });
const usage = fc
  .record({ read: tokens, cached: tokens, written: tokens, reasoning: tokens })
  .map(({ read, cached, written, reasoning }) => ({
    inputTokens: read + cached,
    cachedTokens: cached,
    outputTokens: written + reasoning,
    reasoningTokens: reasoning,
  }));

test('many exchanges cost together what they cost one by one, save for the rounding of each', () => {
  fc.assert(
    fc.property(fc.array(usage, { maxLength: 40 }), flat, (all, price) => {
      const sums = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 0, reasoningTokens: 0 };
      let oneByOne = 0;
      for (const one of all) {
        sums.inputTokens += one.inputTokens;
        sums.cachedInputTokens += one.cachedTokens;
        sums.outputTokens += one.outputTokens;
        sums.reasoningTokens += one.reasoningTokens;
        oneByOne += costOf(one, price);
      }
      const together = costOfSums(sums, price);
      assert.ok(oneByOne >= together && oneByOne - together <= all.length, `${oneByOne} ${together}`);
    }),
  );
});

test('sums that no single exchange could reach are counted whole', () => {
  const price: Price = [{ aboveTokens: 0, rates: createRates({ inputPerM: 1, outputPerM: 4 }) }];
  const sums = {
    inputTokens: 9_000_000_000,
    cachedInputTokens: 0,
    outputTokens: 1_000_000_000,
    reasoningTokens: 0,
  };
  assert.equal(costOfSums(sums, price), 13_000 * 1e9);
});
