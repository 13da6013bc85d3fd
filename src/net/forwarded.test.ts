import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../core/failure.ts';
import { createAddressList } from './address-list.ts';
import { clientBehind } from './forwarded.ts';

const trusted = createAddressList(['10.0.0.0/8', '2001:db8:ffff::/48', '127.0.0.1']);

function behind(headers: Readonly<Record<string, string>>): string {
  const client = clientBehind('10.0.0.1', headers, trusted);
  return client instanceof Failure ? client.code : client;
}

const lists: readonly (readonly [header: string, client: string])[] = [
  ['203.0.113.7', '203.0.113.7'],
  ['  203.0.113.7  ', '203.0.113.7'],
  ['1.1.1.1, 203.0.113.7', '203.0.113.7'],
  ['203.0.113.7, 10.0.0.9', '203.0.113.7'],
  ['1.1.1.1,203.0.113.7,10.0.0.9,10.2.3.4', '203.0.113.7'],
  ['garbage, <script>, 203.0.113.7', '203.0.113.7'],
  ['127.0.0.1, 203.0.113.7', '203.0.113.7'],
  ['10.0.0.9', '10.0.0.9'],
  ['10.0.0.8, 10.0.0.9', '10.0.0.8'],
  ['203.0.113.7:4711', '203.0.113.7'],
  ['[2001:db8::7]:4711', '2001:db8::7'],
  ['2001:DB8:0::7', '2001:db8::7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['203.0.113.7, ::ffff:10.0.0.9', '203.0.113.7'],
  ['203.0.113.7, 2001:db8:ffff::1', '203.0.113.7'],
  [`${'9.9.9.9, '.repeat(1_000)}203.0.113.7`, '203.0.113.7'],
  ['', '10.0.0.1'],
  ['garbage', 'invalid_request'],
  ['203.0.113.7, garbage', 'invalid_request'],
  ['203.0.113.7,', 'invalid_request'],
  [',', 'invalid_request'],
  ['unknown', 'invalid_request'],
  ['203.0.113.7 10.0.0.9', 'invalid_request'],
  ['203.0.113.7:99999999', 'invalid_request'],
  [`${'10.0.0.9, '.repeat(1_000)}10.0.0.9`, 'invalid_request'],
];

test('the client is the last address of X-Forwarded-For that is no trusted proxy', () => {
  for (const [header, client] of lists)
    assert.equal(behind({ 'x-forwarded-for': header }), client, header.slice(0, 60));
});

const elements: readonly (readonly [header: string, client: string])[] = [
  ['for=203.0.113.7', '203.0.113.7'],
  ['For="203.0.113.7:4711";proto=https;by=10.0.0.1', '203.0.113.7'],
  ['for="[2001:db8::7]:4711"', '2001:db8::7'],
  ['for=1.1.1.1, for=203.0.113.7;host="a, for=9.9.9.9", for=10.0.0.9', '203.0.113.7'],
  ['proto=https;for=203.0.113.7', '203.0.113.7'],
  ['for=203.0.113.7, for="10.0.0.9"', '203.0.113.7'],
  // The proxy's own element, swallowed by a quote that the client left open.
  ['for=1.1.1.1;x=", for=203.0.113.7', 'invalid_request'],
  ['for=1.1.1.1;x=", for="[2001:db8::7]"', 'invalid_request'],
  ['for=203.0.113.7;host="x, for=1.1.1.1', 'invalid_request'],
  ['for=_hidden', 'invalid_request'],
  ['for=unknown', 'invalid_request'],
  ['proto=https', 'invalid_request'],
  ['for=203.0.113.7,', 'invalid_request'],
  ['203.0.113.7', 'invalid_request'],
  ['for=[2001:db8::7]', 'invalid_request'],
];

test('the client is the last `for` of Forwarded that is no trusted proxy', () => {
  for (const [header, client] of elements) assert.equal(behind({ forwarded: header }), client, header);
});

test('two headers must name the same client: a proxy writes one, and passes on the other as it came', () => {
  assert.equal(behind({ 'x-forwarded-for': '203.0.113.7', forwarded: 'for=203.0.113.7' }), '203.0.113.7');
  assert.equal(behind({ 'x-forwarded-for': '203.0.113.7', forwarded: 'for=1.1.1.1' }), 'invalid_request');
  assert.equal(behind({ 'x-forwarded-for': '203.0.113.7', forwarded: 'garbage' }), 'invalid_request');
  assert.equal(behind({ 'x-forwarded-for': 'garbage', forwarded: 'garbage' }), 'invalid_request');
});

test('no header holds us up for long', () => {
  const hostile = [
    ' '.repeat(16_000),
    `${' \t'.repeat(8_000)}x`,
    'for='.repeat(4_000),
    `for="${'\\"'.repeat(8_000)}`,
    'a=b;'.repeat(4_000),
    ','.repeat(16_000),
    '"'.repeat(16_000),
    '['.repeat(16_000),
    '1.'.repeat(8_000),
    ':'.repeat(16_000),
  ];
  const startedMs = performance.now();
  for (const text of hostile) {
    behind({ forwarded: text });
    behind({ 'x-forwarded-for': text });
  }
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < 200, `${tookMs} ms`);
});
