import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHeldClock } from '../../../test/held-clock.ts';
import { SpoolWriter } from './spool-writer.ts';

test('K1: what the disk did not take is tried once a second, and not with each turn: it may be much, and the disk full for long', async (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'millrace-spool-'));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  const [folder, away] = [join(parent, 'spool'), join(parent, 'away')];
  const clock = createHeldClock();
  const told: string[] = [];
  const writer = new SpoolWriter({
    clock,
    // Each turn has a file of its own: without the folder there is none.
    segmentPath: (number) => join(folder, String(number)),
    segmentBytesMax: 1,
    spoolBytesMax: 1_000_000,
    createSeal: () => undefined,
    onWritten: () => {},
    onTrouble: (trouble) => told.push(trouble === undefined ? 'again' : 'trouble'),
  });
  const begin = (line: string) => {
    const begun = writer.begin(line);
    writer.commit();
    return begun;
  };
  mkdirSync(folder);
  assert.ok(await begin('{"intent":"one"}\n'));
  renameSync(folder, away);
  writer.end('{"id":"one"}\n', true);
  writer.commit();
  assert.deepEqual(writer.held, ['{"id":"one"}\n']);
  assert.equal(await begin('{"intent":"two"}\n'), false);
  renameSync(away, folder);
  assert.ok(await begin('{"intent":"three"}\n'), 'what comes now is kept all the same');
  assert.deepEqual([writer.held.length, told], [1, ['trouble']]);
  clock.advance(1_000);
  assert.deepEqual([writer.held.length, told, writer.lost], [0, ['trouble', 'again'], 1]);
  // Whoever leaves does not wait for that.
  renameSync(folder, away);
  writer.end('{"id":"three"}\n', true);
  writer.commit();
  writer.end('{"id":"four"}\n', true);
  renameSync(away, folder);
  await writer.close();
  assert.deepEqual([writer.held.length, writer.lost], [0, 1]);
});
