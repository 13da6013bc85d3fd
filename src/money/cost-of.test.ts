import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { costOf, doubtOf, type TokenCounts } from './cost-of.ts';
import { createRates, type Price, usdPerMMax } from './price.ts';

const usdPerM = fc.double({ min: 0, max: usdPerMMax, noNaN: true });
const rates = fc
  .record({ inputPerM: usdPerM, outputPerM: usdPerM, cachedInputPerM: usdPerM, reasoningPerM: usdPerM })
  .map(createRates);
const flat = rates.map((only): Price => [{ aboveTokens: 0, rates: only }]);
/** A long context is never the cheaper one. */
const stepped = fc
  .tuple(rates, fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: 1, max: 3 }))
  .map(([base, aboveTokens, times]): Price => {
    const dearer = Object.fromEntries(Object.entries(base).map(([kind, rate]) => [kind, rate * times]));
    return [
      { aboveTokens: 0, rates: base },
      { aboveTokens, rates: { ...base, ...dearer } },
    ];
  });
const tokens = fc.integer({ min: 0, max: 2_000_000 });
const counts = fc
  .record({ input: tokens, cached: tokens, output: tokens, reasoning: tokens })
  .map(({ input, cached, output, reasoning }) => ({
    inputTokens: input + cached,
    cachedTokens: cached,
    outputTokens: output + reasoning,
    reasoningTokens: reasoning,
  }));
const absurd = fc.record({
  inputTokens: fc.double(),
  outputTokens: fc.double(),
  cachedTokens: fc.double(),
  cacheWriteTokens: fc.double(),
  reasoningTokens: fc.double(),
});

test('a cost is a whole number and never negative, whatever an upstream counts (U18)', () => {
  fc.assert(
    fc.property(fc.oneof(counts, absurd), stepped, (usage: TokenCounts, price) => {
      const cost = costOf(usage, price);
      assert.ok(Number.isSafeInteger(cost) && cost >= 0, String(cost));
    }),
  );
});

test('more tokens never cost less', () => {
  const more = fc.record({ input: tokens, output: tokens });
  fc.assert(
    fc.property(counts, more, stepped, (usage, { input, output }, price) => {
      const longer = {
        ...usage,
        inputTokens: usage.inputTokens + input,
        outputTokens: usage.outputTokens + output,
      };
      assert.ok(costOf(longer, price) >= costOf(usage, price));
    }),
  );
});

test('two exchanges cost what one of their tokens together costs, save for the rounding of one', () => {
  fc.assert(
    fc.property(counts, counts, flat, (one, other, price) => {
      const together = {
        inputTokens: one.inputTokens + other.inputTokens,
        cachedTokens: one.cachedTokens + other.cachedTokens,
        outputTokens: one.outputTokens + other.outputTokens,
        reasoningTokens: one.reasoningTokens + other.reasoningTokens,
      };
      const apart = costOf(one, price) + costOf(other, price);
      const difference = apart - costOf(together, price);
      assert.ok(difference === 0 || difference === 1, String(difference));
    }),
  );
});

test('a cost is exact: it is that of whole numbers of any size, rounded up once', () => {
  fc.assert(
    fc.property(counts, flat, (usage, price) => {
      const [{ rates: rate }] = price;
      const pico =
        BigInt(usage.inputTokens - usage.cachedTokens) * BigInt(rate.input) +
        BigInt(usage.cachedTokens) * BigInt(rate.cachedInput) +
        BigInt(usage.outputTokens - usage.reasoningTokens) * BigInt(rate.output) +
        BigInt(usage.reasoningTokens) * BigInt(rate.reasoning);
      assert.equal(BigInt(costOf(usage, price)), (pico + 999n) / 1000n);
    }),
  );
});

const price: Price = [
  {
    aboveTokens: 0,
    rates: createRates({
      inputPerM: 1,
      cachedInputPerM: 0.1,
      cacheWritePerM: 1.25,
      outputPerM: 4,
      reasoningPerM: 8,
    }),
    services: {
      batch: createRates({ inputPerM: 0.5, outputPerM: 2 }),
      flex: createRates({ inputPerM: 0.7, outputPerM: 3 }),
      priority: createRates({ inputPerM: 2, outputPerM: 9 }),
    },
  },
  { aboveTokens: 1_000, rates: createRates({ inputPerM: 2, outputPerM: 8 }) },
];

const oneOfEach = { inputTokens: 1, outputTokens: 1 };

for (const [what, usage, tiers, nano] of [
  ['nothing', { inputTokens: 0, outputTokens: 0 }, {}, 0],
  ['input and output', { inputTokens: 100, outputTokens: 10 }, {}, 140_000],
  ['what the upstream had kept', { inputTokens: 100, outputTokens: 0, cachedTokens: 60 }, {}, 46_000],
  ['what it keeps from now on', { inputTokens: 100, outputTokens: 0, cacheWriteTokens: 100 }, {}, 125_000],
  ['what it hides', { inputTokens: 0, outputTokens: 10, reasoningTokens: 4 }, {}, 56_000],
  ['the last token of the first tier', { inputTokens: 1_000, outputTokens: 1 }, {}, 1_004_000],
  ['a long context, as a whole', { inputTokens: 1_001, outputTokens: 1 }, {}, 2_010_000],
  ['a batch', { inputTokens: 100, outputTokens: 10 }, { told: 'batch' }, 70_000],
  ['a batch with no price of its own', { inputTokens: 2_000, outputTokens: 0 }, { told: 'batch' }, 4_000_000],
  ['what flexible service is told of', { inputTokens: 100, outputTokens: 10 }, { told: 'flex' }, 100_000],
  [
    'what was served as it is asked first',
    { inputTokens: 100, outputTokens: 10 },
    { told: 'priority' },
    290_000,
  ],
  ['what was asked for so and served as usual', oneOfEach, { asked: 'priority', told: 'default' }, 5_000],
  ['what was asked for so where nothing is told', oneOfEach, { asked: 'priority' }, 11_000],
  ['what may be served cheaper where nothing is told', oneOfEach, { asked: 'flex' }, 5_000],
  ['a service that nobody knows', oneOfEach, { told: 'constructor' }, 11_000],
  ['whatever the project of the account says', oneOfEach, { asked: 'auto' }, 5_000],
  ['more kept than there was', { inputTokens: 100, outputTokens: 0, cachedTokens: 500 }, {}, 10_000],
  ['fewer than none', { inputTokens: -5, outputTokens: -1, cachedTokens: -9 }, {}, 0],
] as const) {
  test(`${what} costs ${nano} billionths of a dollar`, () => {
    assert.equal(costOf(usage, price, tiers), nano);
  });
}

test('counts that cannot be right are doubted, others are not (U18)', () => {
  fc.assert(fc.property(counts, (usage) => assert.equal(doubtOf(usage), undefined)));
  for (const [usage, doubt] of [
    [{ inputTokens: 5, outputTokens: 1, cachedTokens: 6 }, 'it kept 6 of 5 input tokens'],
    [{ inputTokens: 5, outputTokens: 1, reasoningTokens: 2 }, 'it hid 2 of 1 output tokens'],
    [{ inputTokens: -1, outputTokens: 1 }, 'it counted fewer than no tokens'],
    [{ inputTokens: Number.NaN, outputTokens: 1 }, 'it counted fewer than no tokens'],
    [{ inputTokens: 1e8, outputTokens: 1 }, 'it counted 100000000 tokens or more'],
  ] as const) {
    assert.equal(doubtOf(usage), doubt);
  }
});
