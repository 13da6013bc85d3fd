import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultThreads } from './threads.ts';

test('small machines compute with one thread, larger ones with half of their cores', () => {
  const counts = [1, 2, 3, 4, 8, 16].map((cores) => defaultThreads({ physical: cores, available: cores }));
  assert.deepEqual(counts, [1, 1, 1, 2, 4, 8]);
});

test('cores that the process may not use do not count', () => {
  assert.equal(defaultThreads({ physical: 32, available: 2 }), 1);
});
