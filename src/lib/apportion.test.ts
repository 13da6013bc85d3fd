import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { apportion } from './apportion.ts';

test('what is divided comes to exactly the whole, and no part is off by one or more', () => {
  const weights = fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 64 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 100_000_000 }), weights, (whole, given) => {
      const parts = apportion(whole, given);
      const sum = given.reduce((total, weight) => total + weight, 0);
      assert.equal(
        parts.reduce((total, part) => total + part, 0),
        whole,
      );
      parts.forEach((part, index) => {
        const exact = sum > 0 ? (whole * (given[index] ?? 0)) / sum : whole / given.length;
        assert.ok(Number.isInteger(part) && Math.abs(part - exact) < 1, `${part} of ${exact}`);
      });
    }),
  );
});

test('without any weight everybody gets the same', () => {
  assert.deepEqual(apportion(7, [0, 0, 0]), [3, 2, 2]);
});
