import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopbackPeer, partyOf, plainAddress, readAddress } from './peer-address.ts';

test('a client over IPv4 has one spelling, whichever socket it came by', () => {
  const spellings = [
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::1', '::1'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['fe80::1%eth0', 'fe80::1'],
    [undefined, ''],
  ] as const;
  for (const [given, plain] of spellings) assert.equal(plainAddress(given), plain);
});

test('an address that someone wrote becomes what the system would say, or nothing', () => {
  const spellings = [
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['0:0:0:0:0:0:0:1', '::1'],
  ] as const;
  for (const [given, plain] of spellings) assert.equal(readAddress(given), plain);
  const none = [
    '',
    'unknown',
    '_hidden',
    '1.2.3',
    '256.1.1.1',
    '010.0.0.1',
    '1.2.3.4 ',
    'fe80::1%eth0',
    '::g',
  ];
  for (const given of none) assert.equal(readAddress(given), undefined, given);
});

test('loopback is known by its plain form', () => {
  for (const address of ['127.0.0.1', '127.8.8.8', '::1']) assert.equal(isLoopbackPeer(address), true);
  for (const address of ['1.127.0.0', '::', '::11', '', '10.0.0.1'])
    assert.equal(isLoopbackPeer(address), false);
});

test('an IPv4 address is a party, and so are 64 bits of IPv6', () => {
  const parties = [
    ['203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['2001:db8:1::2:3:4:5', '2001:db8:1:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ] as const;
  for (const [address, party] of parties) assert.equal(partyOf(address), party);
});
