import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findSecrets, scanTracked } from './secret-scan.ts';

test('no tracked file holds a credential (G29)', () => {
  assert.deepEqual(scanTracked(), []);
});

test('the scan knows a credential when it sees one', () => {
  const key = ['sk', 'mr', '0123456789abcdef'.repeat(3).slice(0, 46)].join('-');
  assert.deepEqual(findSecrets(`key: ${key}`), ['a Millrace key']);
  assert.deepEqual(findSecrets(`AKIA${'ABCDEFGH'.repeat(2)}`), ['an AWS key']);
});
