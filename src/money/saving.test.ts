import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AnsweredBy, saverOf, savingOf } from './saving.ts';

const aliased = { upstream: 'cloud', targetModel: 'small', model: 'assistant' };
const nano = fc.integer({ min: 0, max: 1_000_000_000 });

for (const [by, model, saver] of [
  ['cache', 'assistant', 'cache'],
  ['cache', 'cloud/small', 'cache'],
  ['own', 'assistant', 'self-hosting'],
  ['own', 'small', 'self-hosting'],
  ['bill', 'assistant', 'routing'],
  ['bill', 'small', ''],
  ['bill', 'cloud/small', ''],
] as const) {
  test(`what ${by} answered for "${model}" is saved by ${saver === '' ? 'nobody' : saver}`, () => {
    assert.equal(saverOf(by, { ...aliased, model }), saver);
  });
}

test('what was saved by each cause, and what was paid, is never more than the premium price of it all', () => {
  const exchange = fc.record({
    by: fc.constantFrom<AnsweredBy>('cache', 'own', 'bill'),
    model: fc.constantFrom('assistant', 'small', 'cloud/small'),
    premiumNanoUsd: nano,
    costNanoUsd: nano,
  });
  fc.assert(
    fc.property(fc.array(exchange), (exchanges) => {
      const saved = { cache: 0, 'self-hosting': 0, routing: 0 };
      let premium = 0;
      let paidForLess = 0;
      for (const { by, model, ...costs } of exchanges) {
        const { savedBy, savedNanoUsd } = savingOf(saverOf(by, { ...aliased, model }), costs);
        assert.equal(savedBy === '', savedNanoUsd === 0, 'a cause where something was saved, and only there');
        if (savedBy === '') continue;
        saved[savedBy] += savedNanoUsd;
        premium += costs.premiumNanoUsd;
        paidForLess += costs.costNanoUsd;
      }
      assert.equal(saved.cache + saved['self-hosting'] + saved.routing, premium - paidForLess);
    }),
  );
});
