import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Breaker } from './breaker.ts';

const options = { consecutiveMax: 5, windowMs: 5_000, outcomesMin: 20, shareMax: 0.5 };

test('the fifth failure in a row is one too many, and a success in between begins anew', () => {
  const breaker = new Breaker(options);
  for (let count = 0; count < 4; count += 1) assert.equal(breaker.failed(0), false);
  breaker.succeeded(0);
  for (let count = 0; count < 4; count += 1) assert.equal(breaker.failed(0), false);
  assert.equal(breaker.failed(0), true);
});

test('half of at least twenty within the window is one too many, although none follow each other', () => {
  const breaker = new Breaker(options);
  const tripped: number[] = [];
  for (let pair = 1; pair <= 10; pair += 1) {
    breaker.succeeded(pair * 100);
    if (breaker.failed(pair * 100)) tripped.push(pair);
  }
  assert.deepEqual(tripped, [10]);
});

test('a share below half is borne, and what is older than the window is forgotten', () => {
  const breaker = new Breaker(options);
  for (let round = 0; round < 50; round += 1) {
    breaker.succeeded(round);
    breaker.succeeded(round);
    assert.equal(breaker.failed(round), false);
  }
  for (let count = 0; count < 9; count += 1) {
    breaker.succeeded(6_000 + count);
    assert.equal(breaker.failed(6_000 + count), false);
  }
  for (let count = 0; count < 9; count += 1) {
    breaker.succeeded(12_000 + count);
    assert.equal(breaker.failed(12_000 + count), false);
  }
});
