import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createSharedBatches } from './shared-batch.ts';

const wanting = (...tokens: readonly number[]) =>
  tokens.map((length, evaluationPriority) => ({ tokens: Array(length), evaluationPriority }));
const amounts = (shares: readonly { readonly processAmount: number }[]) =>
  shares.map(({ processAmount }) => processAmount);

test('who draws a reply has its token in every batch, and prompts share what is left', () => {
  const batches = createSharedBatches(() => 0);
  assert.deepEqual(amounts(batches.share({ items: wanting(100, 1, 3, 100), size: 64 })), [30, 1, 3, 30]);
});

test('a batch has its sequences in the order of their numbers, whoever came first', () => {
  const batches = createSharedBatches(() => 0);
  const shares = batches.share({ items: wanting(1, 5, 1, 3).toReversed(), size: 64 });
  assert.deepEqual(
    shares.map(({ item }) => item.evaluationPriority),
    [0, 1, 2, 3],
  );
});

test('no batch is larger than it may be, none is empty, and nothing is left out while there is room', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 16 });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 16, max: 512 }), (tokens, size) => {
      const given = amounts(createSharedBatches(() => 0).share({ items: wanting(...tokens), size }));
      const sum = (all: readonly number[]) => all.reduce((total, one) => total + one, 0);
      assert.equal(sum(given), Math.min(size, sum(tokens)));
      assert.equal(given.length, tokens.length);
    }),
  );
});

test('who is at work and not there is looked for again, and not for ever', () => {
  const batches = createSharedBatches(() => 3);
  assert.deepEqual(batches.share({ items: wanting(1, 1), size: 8 }), []);
  assert.deepEqual(amounts(batches.share({ items: wanting(1, 1, 1), size: 8 })), [1, 1, 1]);
  let looks = 0;
  while (batches.share({ items: wanting(1, 1), size: 8 }).length === 0) looks += 1;
  assert.equal(looks, 16);
  assert.deepEqual(batches.decoded, { batches: 2, sequences: 5 });
});
