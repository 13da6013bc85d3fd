import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig } from './load.ts';
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

const folder = mkdtempSync(join(tmpdir(), 'millrace-written-'));
after(() => rmSync(folder, { recursive: true }));

function warningsOf(...lines: readonly string[]): string {
  const path = join(folder, 'millrace.yaml');
  writeFileSync(path, lines.join('\n'));
  return loadConfig({ path, env: {} }).warnings.join('\n');
}

test('the address of a server without a password is no secret, and nobody is warned of it', () => {
  const plain = ['shared: redis://127.0.0.1:6379', 'store: postgres://millrace@database/millrace'];
  assert.doesNotMatch(warningsOf(...plain), /written out/);
  for (const open of [
    'shared: redis://:swordfish@cache:6379',
    'store: postgres://m:swordfish@database/m',
    'store: "postgres://m@database/m?password=swordfish"',
  ]) {
    assert.match(warningsOf(open), /(?:shared|store)(?:\.url)?: is written out/, open);
  }
});
