import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OutputLengths } from './output-lengths.ts';

const toldAll = (tokens: readonly number[]) => {
  const lengths = new OutputLengths();
  for (const each of tokens) lengths.tell('m', each);
  return lengths.p95('m');
};

test('until twenty answers are known, a thousand tokens are expected', () => {
  assert.equal(toldAll([]), 1_000);
  assert.equal(toldAll(Array(19).fill(7)), 1_000);
  assert.equal(new OutputLengths().p95('another'), 1_000);
});

test('nineteen of twenty answers are no longer than what is learnt, and it is at most a fifth too long', () => {
  const length = fc.integer({ min: 1, max: 100_000 });
  fc.assert(
    fc.property(fc.array(length, { minLength: 20, maxLength: 500 }), (lengths) => {
      // What is learnt is looked up anew after every sixteenth answer.
      const known = lengths.slice(0, lengths.length - (lengths.length % 16));
      fc.pre(known.length >= 32);
      const learnt = toldAll(known);
      const sorted = known.toSorted((one, other) => one - other);
      const exact = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
      assert.ok(learnt >= exact, `${learnt} is less than ${exact}`);
      assert.ok(learnt <= Math.ceil(exact * 1.2), `${learnt} is far more than ${exact}`);
    }),
  );
});

test('a model whose answers change is followed', () => {
  const lengths = [...Array<number>(5_000).fill(4_000), ...Array<number>(5_000).fill(50)];
  assert.ok(toldAll(lengths) <= 60);
});

test('a thousand models are kept, and beyond that the first is forgotten', () => {
  const lengths = new OutputLengths();
  for (let model = 0; model <= 1_000; model += 1) {
    for (let told = 0; told < 32; told += 1) lengths.tell(`m${model}`, 10);
  }
  assert.equal(lengths.p95('m0'), 1_000);
  assert.ok(lengths.p95('m1') < 20);
  assert.ok(lengths.p95('m1000') < 20);
});
