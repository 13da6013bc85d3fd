import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Priorities } from './priorities.ts';

test('the first row that is about a key counts, and without one it is ordinary', () => {
  const priorities = new Priorities([
    { tenant: 'shop', key: 'night', usual: 0, max: 1 },
    { tenant: 'shop', usual: 5, max: 7 },
    { tenant: 'shop', key: 'till', usual: 9, max: 9 },
  ]);
  const said = (tenant: string, key: string) => {
    const { usual, max } = priorities.of(tenant, key);
    return [usual, max];
  };
  assert.deepEqual(said('shop', 'night'), [0, 1]);
  assert.deepEqual(said('shop', 'till'), [5, 7]);
  assert.deepEqual(said('lab', 'night'), [0, 0]);
});
