import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseUpstreamUrl } from './upstream-url.ts';

test('addresses of upstreams are read as people write them, without a slash at the end', () => {
  const good = {
    'http://127.0.0.1:11434/': 'http://127.0.0.1:11434',
    'https://api.example/v1/': 'https://api.example/v1',
    'HTTP://Host:80/a/b': 'http://host/a/b',
    'http://[::1]:8080': 'http://[::1]:8080',
    'http://10.0.0.7:8000': 'http://10.0.0.7:8000',
  };
  for (const [text, url] of Object.entries(good)) assert.deepEqual(parseUpstreamUrl(text), { ok: true, url });
});

test('metadata services are refused in every spelling', () => {
  const hosts = [
    ...['169.254.169.254', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.254.43518'],
    ...[
      '[fd00:ec2::254]',
      '[::ffff:169.254.169.254]',
      '[::ffff:a9fe:a9fe]',
      '[64:ff9b::a9fe:a9fe]',
      '[2002:a9fe:a9fe::]',
      '[::a9fe:a9fe]',
      '100.100.100.200',
      '169.254.170.2',
    ],
    ...['metadata.google.internal', 'METADATA.google.internal.', 'metadata'],
  ];
  for (const host of hosts) {
    const parsed = parseUpstreamUrl(`http://${host}:80/v1`);
    assert.match(parsed.ok ? '' : parsed.reason, /metadata/, host);
  }
});

test('what is not plainly an http address is refused, and the reason does not repeat it', () => {
  const bad = [
    '',
    'canary',
    'canary:11434',
    'ftp://canary',
    'http://canary:x@h',
    'http://canary@h',
    'http://h?canary',
    'http://h#canary',
  ];
  for (const text of bad) {
    const parsed = parseUpstreamUrl(text);
    assert.ok(!parsed.ok, text);
    assert.doesNotMatch(parsed.reason, /canary/);
  }
});
