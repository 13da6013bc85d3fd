import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { embedText } from './embeddings.ts';
import { createRandom } from './random.ts';

const likeness = (one: string, other: string) => {
  const second = embedText(other, 384);
  return embedText(one, 384).reduce((sum, value, index) => sum + value * (second[index] ?? 0), 0);
};

test('every text has a vector of length 1 and of the size asked for, always the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 600 }), (text, dimensions) => {
      const vector = embedText(text, dimensions);
      assert.equal(vector.length, dimensions);
      assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5);
      assert.deepEqual(embedText(text, dimensions), vector);
    }),
  );
});

test('texts that share their words lie close together, others do not', () => {
  const question = 'How do I reset my password?';
  assert.ok(likeness(question, 'how do i reset my PASSWORD') > 0.9);
  assert.ok(likeness(question, 'I forgot my password, how can I reset it?') > 0.5);
  assert.ok(Math.abs(likeness(question, 'The heron stands beside a grey river')) < 0.3);
});

test('long texts without anything in common come out near a right angle: what collides cancels out', () => {
  const random = createRandom(1);
  const letters = () =>
    Array.from({ length: 400 }, () => String.fromCharCode(97 + Math.floor(random() * 26))).join('');
  const pairs = Array.from({ length: 20 }, () => likeness(letters(), letters()));
  assert.ok(Math.abs(pairs.reduce((sum, pair) => sum + pair, 0) / pairs.length) < 0.05);
});
