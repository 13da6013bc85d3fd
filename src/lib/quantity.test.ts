import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBytes, parseRate } from './quantity.ts';

test('sizes are read with binary and decimal units', () => {
  const sizes = { '64MiB': 67_108_864, '1.5 GB': 1_500_000_000, '4096': 4096, '0': 0, '2kib': 2048, '7B': 7 };
  for (const [text, bytes] of Object.entries(sizes)) assert.equal(parseBytes(text), bytes, text);
});

test('what is not a size is nothing', () => {
  for (const text of ['', 'MiB', '-1', '1e3', '64 MiBs', '1.2.3', '9999999999TiB', '12con', 'NaN', '1_000']) {
    assert.equal(parseBytes(text), undefined, text);
  }
});

test('rates are read per second, minute, hour and day', () => {
  assert.deepEqual(parseRate('600/min'), { count: 600, perMs: 60_000 });
  assert.deepEqual(parseRate('10 / s'), { count: 10, perMs: 1000 });
  assert.deepEqual(parseRate('1M/day'), { count: 1_000_000, perMs: 86_400_000 });
  assert.deepEqual(parseRate('2.5k/hour'), { count: 2500, perMs: 3_600_000 });
});

test('what is not a rate above zero is nothing', () => {
  for (const text of [
    '',
    '600',
    '/min',
    '0/min',
    '-1/s',
    '5/fortnight',
    '5/constructor',
    '5/min/min',
    '1G/s',
  ]) {
    assert.equal(parseRate(text), undefined, text);
  }
});
