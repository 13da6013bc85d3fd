import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors } from 'undici';
import { failures } from '../core/failure.ts';
import { describeSocketError } from './socket-error.ts';

const withCode = (code: string) => Object.assign(new Error(code), { code });

const rows: ReadonlyArray<readonly [error: Error, code: string]> = [
  [withCode('ECONNREFUSED'), 'connect_failed'],
  [withCode('ENOTFOUND'), 'connect_failed'],
  [withCode('EHOSTUNREACH'), 'connect_failed'],
  [new errors.ConnectTimeoutError(), 'connect_timeout'],
  [withCode('CERT_HAS_EXPIRED'), 'tls_error'],
  [withCode('SELF_SIGNED_CERT_IN_CHAIN'), 'tls_error'],
  [withCode('ERR_TLS_CERT_ALTNAME_INVALID'), 'tls_error'],
  [
    new errors.HTTPParserError('Response does not match the HTTP/1.1 protocol (Expected HTTP/)'),
    'bad_upstream_response',
  ],
  [
    new errors.HTTPParserError('Response does not match the HTTP/1.1 protocol (Invalid EOF state)'),
    'upstream_cut',
  ],
  [new errors.HeadersOverflowError(), 'bad_upstream_response'],
  [new errors.SocketError('other side closed'), 'upstream_cut'],
  [withCode('ECONNRESET'), 'upstream_cut'],
  [withCode('EPIPE'), 'upstream_cut'],
  [new Error('something new'), 'upstream_cut'],
  [new AggregateError([withCode('ECONNREFUSED'), withCode('ENETUNREACH')]), 'connect_failed'],
  [withCode('EMFILE'), 'dependency_unavailable'],
  [new AggregateError([withCode('EMFILE')]), 'dependency_unavailable'],
];

for (const [error, code] of rows) {
  test(`U10, P7: ${error.name} ${'code' in error ? String(error.code) : ''} ${error.message.slice(-30)} is ${code}`, () => {
    assert.equal(describeSocketError(error, false).code, code);
  });
}

test('P7: a shortage of ours is no upstream’s fault and is not tried elsewhere', () => {
  const { blame, retry, status } = failures[describeSocketError(withCode('EMFILE'), false).code];
  assert.deepEqual({ blame, retry, status }, { blame: 'gateway', retry: false, status: 503 });
});

test('U10: whether the answer had begun is told', () => {
  assert.match(describeSocketError(withCode('ECONNRESET'), false).says, /without an answer/);
  assert.match(describeSocketError(withCode('ECONNRESET'), true).says, /in the middle/);
});
