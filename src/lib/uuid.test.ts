import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uuidv7 } from './uuid.ts';

test('ids are valid UUIDs of version 7 that carry their time', () => {
  const wallMs = Date.UTC(2026, 10, 20, 12, 34, 56, 789);
  const id = uuidv7(wallMs);
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(Number.parseInt(id.replace('-', '').slice(0, 12), 16), wallMs);
});

test('a hundred thousand ids of one moment are all different, and later moments sort behind', () => {
  const ids = new Set(Array.from({ length: 100_000 }, () => uuidv7(1_800_000_000_000)));
  assert.equal(ids.size, 100_000);
  const [last = ''] = [...ids].sort().slice(-1);
  assert.ok(uuidv7(1_800_000_000_001) > last);
});
