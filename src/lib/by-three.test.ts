import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByThree } from './by-three.ts';

test('each three names have a value of their own, which counts once', () => {
  const values = new ByThree<number>();
  const names = ['a', 'b', ''] as const;
  let next = 0;
  for (const first of names) {
    for (const second of names) for (const third of names) values.add([first, second, third], next++);
  }
  assert.equal(values.size, 27);
  assert.equal(values.get('a', 'b', ''), 5);
  values.add(['a', 'b', ''], 50);
  assert.equal(values.size, 27);
  assert.equal(values.get('a', 'b', ''), 50);
  assert.equal(values.get('a', 'b', 'c'), undefined);
  assert.deepEqual(new Set(values.values), new Set([...Array(27).keys()].map((at) => (at === 5 ? 50 : at))));
  values.clear();
  assert.equal(values.size, 0);
  assert.deepEqual(values.values, []);
});
