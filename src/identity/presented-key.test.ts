import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Incoming } from '../core/exchange.ts';
import { presentedKey } from './presented-key.ts';

function incomingWith(headers: Incoming['headers']): Incoming {
  const unread = (): never => {
    throw new Error('nobody reads a body to learn the key');
  };
  return {
    method: 'GET',
    path: '/',
    query: undefined,
    targetBytes: 1,
    pathKey: undefined,
    headers,
    remoteAddress: '127.0.0.1',
    onLoopback: true,
    fault: undefined,
    readBody: unread,
    streamBody: unread,
  };
}

test('G1: a key is the whole of what was sent, however long', () => {
  const long = 'k'.repeat(5_000);
  assert.equal(presentedKey(incomingWith({ authorization: `Bearer ${long}` })), long);
  assert.equal(presentedKey(incomingWith({ 'x-api-key': long })), long);
});

test('G1: nothing, in whatever dress, is no key', () => {
  for (const authorization of ['', 'Bearer ', 'Bearer \u00a0', 'bearer \t ']) {
    assert.equal(presentedKey(incomingWith({ authorization })), undefined);
  }
  assert.equal(presentedKey(incomingWith({ 'x-api-key': '', 'api-key': '' })), undefined);
});
