import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { openSpool } from './spool.ts';

test('the spool keeps the full file and the one before it, loses no row in between, and grows no further', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-spool-'));
  const path = join(folder, 'exchanges.jsonl');
  const onTrouble = (trouble: Error | undefined) => assert.ifError(trouble);
  const spool = await openSpool({ path, clock: systemClock, fileBytesMax: 1_000, onTrouble });
  const rows: string[] = [];
  for (let round = 0; round < 20; round += 1) {
    for (let index = 0; index < 10; index += 1) {
      const row = `{"row":${rows.length}}\n`;
      rows.push(row);
      spool.append(row);
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  await spool.close();
  assert.deepEqual((await readdir(folder)).sort(), ['exchanges.jsonl', 'exchanges.jsonl.previous']);
  const kept = (await readFile(`${path}.previous`, 'utf8')) + (await readFile(path, 'utf8'));
  assert.equal(kept, rows.slice(-kept.split('\n').length + 1).join(''), 'the newest rows, in order');
  assert.equal(spool.lost, 0);
  await rm(folder, { recursive: true });
});
