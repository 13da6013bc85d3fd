import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatListenAddress, isLoopback, parseListenAddress } from './listen-address.ts';

test('addresses are read with names, IPv4, IPv6 and without a host', () => {
  assert.deepEqual(parseListenAddress('127.0.0.1:7070'), { host: '127.0.0.1', port: 7070 });
  assert.deepEqual(parseListenAddress('[::1]:0'), { host: '::1', port: 0 });
  assert.deepEqual(parseListenAddress(':80'), { host: '::', port: 80 });
  assert.deepEqual(parseListenAddress('gate.example:443'), { host: 'gate.example', port: 443 });
});

test('what is not an address with a port is nothing', () => {
  const bad = [
    '',
    '7070',
    '127.0.0.1',
    '127.0.0.1:70000',
    '::1:7070',
    '[127.0.0.1]:1',
    '127.1:80',
    'a b:1',
    'h:-1',
  ];
  for (const text of bad) assert.equal(parseListenAddress(text), undefined, text);
});

test('an address is written as it is read', () => {
  for (const text of ['127.0.0.1:7070', '[::1]:1', 'localhost:2']) {
    const address = parseListenAddress(text);
    assert.ok(address);
    assert.equal(formatListenAddress(address), text);
  }
});

test('only the loopback ranges and localhost count as loopback', () => {
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost', '::ffff:127.0.0.1']) {
    assert.ok(isLoopback(host), host);
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.com', '128.0.0.1', '::ffff:10.0.0.1']) {
    assert.ok(!isLoopback(host), host);
  }
});
