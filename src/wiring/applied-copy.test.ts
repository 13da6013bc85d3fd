import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type AppliedCopy, AppliedCopyFile, readAppliedCopy } from './applied-copy.ts';

const copyOf = (number: number): AppliedCopy => ({
  version: {
    number,
    atMs: 1,
    by: 'ada',
    source: 'applied',
    note: '',
    fileDigest: 'as-it-was',
    masked: false,
    text: '# long\n'.repeat(10_000),
    vouched: [],
  },
  fileDigest: 'as-it-was',
});

test('copies that are written at once are written one after the other, and the last one stays', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-copy-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = new AppliedCopyFile(folder);
  await Promise.all([1, 2, 3, 4].map((number) => file.write(copyOf(number))));
  assert.deepEqual(await readAppliedCopy(folder), copyOf(4));
  assert.deepEqual(await readdir(folder), ['applied-config.json']);
});
