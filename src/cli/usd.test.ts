import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usd } from './usd.ts';

for (const [amount, text] of [
  [0, '0.00'],
  [1234.567, '1234.57'],
  [-8.52, '-8.52'],
  [0.5, '0.50'],
  [0.1616, '0.1616'],
  [0.000_001_234_6, '0.000001235'],
  [-0.000_000_001, '-0.000000001'],
  [0.999_99, '1.00'],
] as const) {
  test(`${amount} dollars read ${text}`, () => assert.equal(usd(amount), text));
}
