import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHostCheck, createTokenCheck } from './guard.ts';

test('the token opens, and nothing near it does', () => {
  const check = createTokenCheck('mr-admin-0123456789abcdef0123456789abcdef');
  assert.equal(check('Bearer mr-admin-0123456789abcdef0123456789abcdef'), true);
  assert.equal(check('bearer  mr-admin-0123456789abcdef0123456789abcdef'), true);
  for (const wrong of [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'mr-admin-0123456789abcdef0123456789abcdef',
    'Basic mr-admin-0123456789abcdef0123456789abcdef',
    'Bearer mr-admin-0123456789abcdef0123456789abcde',
    'Bearer mr-admin-0123456789abcdef0123456789abcdef0',
    'Bearer mr-admin-0123456789abcdef0123456789abcdef extra',
  ]) {
    assert.equal(check(wrong), false, String(wrong));
  }
});

test('on loopback only loopback’s names are answered, whatever name a web page points at us', () => {
  const check = createHostCheck({ host: '127.0.0.1', port: 7071 });
  for (const host of ['127.0.0.1:7071', 'localhost', 'LOCALHOST:7071', '[::1]:7071', '127.9.9.9']) {
    assert.equal(check(host), true, host);
  }
  for (const host of [
    undefined,
    '',
    'evil.example',
    'evil.example:7071',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1:7071',
    'localhost/x',
    'localhost@evil.example',
  ]) {
    assert.equal(check(host), false, String(host));
  }
});

test('a listener that others reach answers under its addresses and its own name', () => {
  const everywhere = createHostCheck({ host: '0.0.0.0', port: 7071 });
  assert.equal(everywhere('10.0.0.1:7071'), true);
  assert.equal(everywhere('[fd00::1]:7071'), true);
  assert.equal(everywhere('evil.example:7071'), false);
  assert.equal(createHostCheck({ host: 'gateway.internal', port: 7071 })('Gateway.internal:7071'), true);
});
