import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Restarts, restartsMax } from './restarts.ts';

test('a worker that ends again and again is started later and later, and then never', () => {
  const restarts = new Restarts();
  const pauses = Array.from({ length: restartsMax + 1 }, () => restarts.after(50));
  assert.deepEqual(pauses, [0, 100, 200, 400, 800, 1_600, 3_200, 6_400, undefined]);
  assert.equal(restarts.count, restartsMax);
});

test('one that lived for a while is started at once', () => {
  const restarts = new Restarts();
  for (let ended = 0; ended < restartsMax; ended += 1) restarts.after(50);
  assert.equal(restarts.after(30_000), 0);
  assert.equal(restarts.after(50), 100);
});
