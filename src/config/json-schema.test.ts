import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configJsonSchema, schemasAt } from './json-schema.ts';
import type { Placed } from './placed.ts';

const empty: Placed = {
  kind: 'map',
  place: { file: '', line: 0, column: 0 },
  path: [],
  entries: new Map(),
};

test('what is asked of one key is what the schema of the whole says of it', () => {
  const whole = configJsonSchema().properties ?? {};
  assert.deepEqual(Object.keys(schemasAt(empty, [])[0]?.properties ?? {}), Object.keys(whole));
  for (const [key, expected] of Object.entries(whole)) {
    const alone = schemasAt(empty, [key]);
    assert.deepEqual(alone, expected.anyOf ?? expected.oneOf ?? [expected], key);
  }
});
