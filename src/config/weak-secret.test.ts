import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { weaknessOf } from './weak-secret.ts';

test('keys from examples, keyboards and defaults are weak, however long (G6)', () => {
  const known = [
    ...[
      'changeme',
      'sk-1234',
      'sk-123456',
      'password',
      'admin',
      'secret',
      'your-api-key-here',
      'insert-key-here',
    ],
    ...[
      '0000000000000000000000000000000000',
      'abababababababababababab',
      '1234567890123456',
      'test-key-1234567890',
    ],
    ...['changeme-changeme-changeme', 'PASSWORD123456789', 'sk-mr-example-key-1234', 'xxxxxxxxxxxxxxxxxxxx'],
  ];
  for (const text of known) assert.match(weaknessOf(text, 16) ?? '', /well known/, text);
});

test('a short key is weak and a random one is not', () => {
  assert.equal(weaknessOf('p4Zx91LmQw82Ks0', 16), 'must be at least 16 characters');
  for (let round = 0; round < 2000; round += 1) {
    const random = randomBytes(20).toString('hex');
    for (const text of [`sk-mr-${random}`, random, randomBytes(18).toString('base64url')]) {
      assert.equal(weaknessOf(text, 16), undefined, text);
    }
  }
});
