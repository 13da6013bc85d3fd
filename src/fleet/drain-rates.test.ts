import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DrainRates } from './drain-rates.ts';

test('one that left tells nothing of a rate; from two on it is known how long it takes until so many have left', () => {
  const rates = new DrainRates();
  rates.tell('m', 0);
  assert.equal(rates.expectedMs('m', { count: 1, nowMs: 0 }), undefined);
  for (let ms = 100; ms <= 60_000; ms += 100) rates.tell('m', ms);
  const expectedMs = rates.expectedMs('m', { count: 50, nowMs: 60_000 }) ?? 0;
  assert.ok(Math.abs(expectedMs - 5_000) < 250, `${expectedMs}`);
  assert.equal(rates.expectedMs('other', { count: 1, nowMs: 60_000 }), undefined);
});

test('a queue that moves no more is expected to take ever longer', () => {
  const rates = new DrainRates();
  for (let ms = 0; ms <= 10_000; ms += 100) rates.tell('m', ms);
  const soonMs = rates.expectedMs('m', { count: 1, nowMs: 10_000 }) ?? 0;
  const laterMs = rates.expectedMs('m', { count: 1, nowMs: 70_000 }) ?? 0;
  assert.ok(laterMs > 5 * soonMs, `${soonMs}, then ${laterMs}`);
});

test('of models that clients make up the one heard of longest ago is forgotten', () => {
  const rates = new DrainRates();
  const hear = (model: string) => {
    rates.tell(model, 0);
    rates.tell(model, 1_000);
  };
  for (let model = 0; model < 1_001; model += 1) hear(`m${model}`);
  assert.equal(rates.expectedMs('m0', { count: 1, nowMs: 1_000 }), undefined);
  assert.ok(rates.expectedMs('m1', { count: 1, nowMs: 1_000 }) !== undefined);
});
