import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { createAuthority } from '../../test/upstream/certificate.ts';
import type { Log } from '../telemetry/log.ts';
import { KeptCertificate } from './kept-certificate.ts';

const dayMs = 86_400_000;

test('a gateway that runs on is told of its certificate once a day, and what is shown lies beside it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kept-'));
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  const copy = join(folder, 'copy.pem');
  const { cert, key } = createAuthority().issue('none');
  await Promise.all([writeFile(files.cert, cert), writeFile(files.key, key)]);
  const clock = createHeldClock(Date.now());
  const told: string[] = [];
  const log = logOf(told);
  const kept = await KeptCertificate.open({ files, setting: 'listen.tls', copy, clock, log });
  try {
    assert.equal(await readFile(copy, 'utf8'), cert);
    const [first = '', ...more] = told.splice(0);
    assert.match(first, /"setting":"listen\.tls","message":"expires in 1 days/);
    assert.deepEqual(more, []);
    clock.advance(dayMs - 1);
    assert.deepEqual(told, []);
    clock.advance(2 * dayMs + 1);
    assert.equal(told.length, 3);
    assert.match(told.at(-1) ?? '', /has expired on/);
  } finally {
    kept.close();
    assert.equal(clock.pending, 0);
    await rm(folder, { recursive: true });
  }
});

function logOf(told: string[]): Log {
  const keep = (facts: object) => void told.push(JSON.stringify(facts));
  return {
    debug: keep,
    info: keep,
    warn: keep,
    error: keep,
    exchange: () => {},
    level: 'info',
    flush: () => {},
  };
}
