import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { shuffled, spreadOf } from './statistics.ts';

test('median and quartiles are those of the sorted rounds', () => {
  assert.deepEqual(spreadOf([5, 1, 4, 2, 3]), { median: 3, lower: 2, upper: 4, rounds: 5 });
  assert.deepEqual(spreadOf([4, 1]), { median: 2.5, lower: 1.75, upper: 3.25, rounds: 2 });
  assert.equal(spreadOf([]), undefined);
});

test('shuffling loses and repeats nobody', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (items) => {
      assert.deepEqual(
        shuffled(items).sort((left, right) => left - right),
        [...items].sort((left, right) => left - right),
      );
    }),
  );
});

test('every contestant comes first as often as any other', () => {
  const firsts = new Map<string, number>();
  // Seeded, so that a failure repeats itself.
  let seed = 7;
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed / 2 ** 31;
  };
  for (let round = 0; round < 3000; round += 1) {
    const [first = ''] = shuffled(['a', 'b', 'c'], random);
    firsts.set(first, (firsts.get(first) ?? 0) + 1);
  }
  for (const count of firsts.values()) assert.ok(count > 800 && count < 1200, `${count} of 3000`);
});
