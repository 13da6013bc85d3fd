import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeSocketError } from './socket-error.ts';

test('U12: whatever is wrong with a certificate or a handshake, it is called tls_error', () => {
  const codes = [
    'CERT_HAS_EXPIRED',
    'CRL_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'EPROTO',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'HOSTNAME_MISMATCH',
    'INVALID_CA',
    'INVALID_PURPOSE',
    'PATH_LENGTH_EXCEEDED',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  ];
  for (const code of codes) {
    assert.equal(
      describeSocketError(Object.assign(new Error(code), { code }), 'connecting').code,
      'tls_error',
      code,
    );
  }
});

test('what fails before the request left is a connection that failed, whatever the system calls it', () => {
  const described = (code: string, reached: 'connecting' | 'sent' | 'answered') =>
    describeSocketError(Object.assign(new Error(code), { code }), reached).code;
  for (const code of ['EHOSTDOWN', 'ENETDOWN', 'EACCES', 'EPERM', 'EINVAL', 'ECONNRESET']) {
    assert.equal(described(code, 'connecting'), 'connect_failed', code);
  }
  assert.equal(described('ETIMEDOUT', 'connecting'), 'connect_timeout');
  assert.equal(described('ECONNRESET', 'sent'), 'upstream_cut');
  assert.equal(described('ECONNRESET', 'answered'), 'upstream_cut');
  assert.equal(described('UND_ERR_INVALID_ARG', 'connecting'), 'internal');
});
