import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAddressList, parseNetwork } from './address-list.ts';

test('networks hold what lies in them, and nothing beside it', () => {
  const list = createAddressList(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1']);
  for (const address of ['10.0.0.0', '10.255.255.255', '192.0.2.7', '2001:db8:ffff::1', '::1'])
    assert.equal(list.has(address), true, address);
  for (const address of ['11.0.0.0', '9.255.255.255', '192.0.2.8', '2001:db9::', '::2', '', 'garbage'])
    assert.equal(list.has(address), false, address);
});

test('everyone is a network too', () => {
  const list = createAddressList(['0.0.0.0/0', '::/0']);
  assert.equal(list.has('203.0.113.7') && list.has('2001:db8::1'), true);
});

test('what is no network is refused with a reason', () => {
  const wrong = [
    '',
    'localhost',
    '10.0.0.0/33',
    '10.0.0/8',
    '::/129',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '*',
  ];
  for (const text of [...wrong, '::ffff:10.0.0.0/104', ' 10.0.0.1', '1'.repeat(10_000)])
    assert.equal(parseNetwork(text).ok, false, text.slice(0, 40));
});
