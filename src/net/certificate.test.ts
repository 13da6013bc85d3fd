import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAuthority } from '../../test/upstream/certificate.ts';
import { dateTrouble, readCertificate } from './certificate.ts';

const dayMs = 86_400_000;
const nowMs = Date.UTC(2026, 10, 21);
const valid = (fromDays: number, toDays: number) => ({
  cert: Buffer.alloc(0),
  key: Buffer.alloc(0),
  fingerprint: '',
  covers: () => false,
  validFromMs: nowMs + fromDays * dayMs,
  validToMs: nowMs + toDays * dayMs,
});

test('the dates of a certificate are told of two weeks before its end', () => {
  const told = [
    [-30, 60, undefined],
    [-30, 14.1, undefined],
    [-30, 13.9, 'expires in 13 days, on 2026-12-04'],
    [-30, 0.5, 'expires in less than a day, on 2026-11-21'],
    [-30, 0, 'has expired on 2026-11-21'],
    [-30, -2, 'has expired on 2026-11-19'],
    [1, 60, 'is not valid before 2026-11-22'],
  ] as const;
  for (const [from, to, says] of told) assert.equal(dateTrouble(valid(from, to), nowMs), says);
});

test('a certificate knows the names and addresses that it is for', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-certificate-'));
  try {
    const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
    const { cert, key } = createAuthority().issue('none');
    await Promise.all([writeFile(files.cert, cert), writeFile(files.key, key)]);
    const certificate = await readCertificate(files);
    for (const host of ['localhost', 'LOCALHOST', '127.0.0.1'])
      assert.equal(certificate.covers(host), true, host);
    for (const host of ['evil.example', '127.0.0.2', '::1', '', 'localhost.evil.example', 'x\u0000y'])
      assert.equal(certificate.covers(host), false, host);
  } finally {
    await rm(folder, { recursive: true });
  }
});
