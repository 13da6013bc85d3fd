import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { busySecondsOf, costOfSpan } from './server-time.ts';

const server = {
  monthlyUsd: 262.8,
  utilisation: 0.5,
  inputTokensPerSecond: 2_000,
  outputTokensPerSecond: 100,
};
const dayMs = 86_400_000;
const beginMs = Date.UTC(2026, 10, 1);

test('a day of a server for 262.80 USD a month costs 8.64 USD, and a month of 365 days twelfths its price', () => {
  assert.equal(costOfSpan(server, { fromMs: beginMs, toMs: beginMs + dayMs }), 8_640_000_000);
  assert.equal(costOfSpan(server, { fromMs: 0, toMs: 2_628_000_000 }), 262_800_000_000);
  assert.equal(costOfSpan(server, { fromMs: beginMs, toMs: beginMs }), 0);
  assert.equal(costOfSpan(server, { fromMs: beginMs, toMs: beginMs - dayMs }), 0);
});

test('the parts of a span cost what the whole of it costs, to the billionth', () => {
  const ms = fc.integer({ min: 0, max: 400 * dayMs });
  const monthlyUsd = fc.double({ min: 0, max: 100_000, noNaN: true });
  fc.assert(
    fc.property(fc.array(ms, { minLength: 2 }), monthlyUsd, (cuts, price) => {
      const at = cuts.map((cut) => beginMs + cut).sort((one, other) => one - other);
      const priced = { ...server, monthlyUsd: price };
      const whole = costOfSpan(priced, { fromMs: at.at(0) ?? 0, toMs: at.at(-1) ?? 0 });
      const parts = at.slice(1).map((toMs, index) => costOfSpan(priced, { fromMs: at[index] ?? 0, toMs }));
      assert.equal(
        parts.reduce((sum, part) => sum + part, 0),
        whole,
      );
    }),
  );
});

test('busy time is that of its tokens at its speeds; what it had kept takes none', () => {
  assert.equal(busySecondsOf(server, { inputTokens: 2_000, cachedInputTokens: 0, outputTokens: 100 }), 2);
  assert.equal(busySecondsOf(server, { inputTokens: 2_000, cachedInputTokens: 2_000, outputTokens: 0 }), 0);
  assert.equal(busySecondsOf(server, { inputTokens: 5, cachedInputTokens: 9, outputTokens: 0 }), 0);
});
