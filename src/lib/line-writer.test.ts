import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from './clock.ts';
import { LineWriter } from './line-writer.ts';

function inFile(run: (file: { fd: number; read: () => string }) => Promise<void>) {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
    const path = join(folder, 'lines');
    const fd = openSync(path, 'a');
    try {
      await run({ fd, read: () => readFileSync(path, 'utf8') });
    } finally {
      closeSync(fd);
      rmSync(folder, { recursive: true });
    }
  };
}

test(
  'lines arrive whole and in order, also those said while others are being written',
  inFile(async ({ fd, read }) => {
    const writer = new LineWriter({ fd, clock: systemClock, flushMs: 1, pendingBytesMax: 1_000_000 });
    const lines = Array.from({ length: 2000 }, (_, index) => `line ${index} é\n`);
    for (const [index, line] of lines.entries()) {
      writer.add(line);
      if (index % 100 === 0) void writer.flush();
    }
    await writer.flush();
    assert.equal(read(), lines.join(''));
    assert.equal(writer.lost, 0);
  }),
);

test('a full disk costs lines, which are counted, and is told once (K1)', async () => {
  const fd = openSync('/dev/full', 'w');
  const told: Array<string | undefined> = [];
  const onTrouble = (trouble: Error | undefined) => void told.push(trouble?.message.slice(0, 6));
  const writer = new LineWriter({ fd, clock: systemClock, flushMs: 1, pendingBytesMax: 1000, onTrouble });
  writer.add('one\n');
  await writer.flush();
  writer.add('two\n');
  await writer.flush();
  closeSync(fd);
  assert.equal(writer.lost, 2);
  assert.deepEqual(told, ['ENOSPC']);
});

test(
  'what waits is bounded: beyond that lines are dropped and counted (G14)',
  inFile(async ({ fd, read }) => {
    const writer = new LineWriter({ fd, clock: systemClock, flushMs: 60_000, pendingBytesMax: 256 * 1024 });
    const line = `${'x'.repeat(99_999)}\n`;
    for (let index = 0; index < 20; index += 1) writer.add(line);
    writer.flushSync();
    const kept = read().length / line.length;
    assert.ok(kept >= 1 && kept <= 5, `${kept} lines kept`);
    assert.equal(writer.lost, 20 - kept);
  }),
);

test(
  'lines larger than a chunk count with all their bytes, and none is lost that has room (G14)',
  inFile(async ({ fd, read }) => {
    const writer = new LineWriter({ fd, clock: systemClock, flushMs: 60_000, pendingBytesMax: 1_000_000 });
    const line = `${'é'.repeat(199_999)}\n`;
    for (let index = 0; index < 20; index += 1) writer.add(line);
    await writer.flush();
    assert.equal(read().length / line.length, 2);
    assert.equal(writer.lost, 18);
    writer.add('small\n');
    writer.add(line);
    await writer.flush();
    assert.equal(writer.lost, 18, 'after the chunk that was kept');
  }),
);

test(
  'a line larger than a chunk gets one of its own',
  inFile(async ({ fd, read }) => {
    const writer = new LineWriter({ fd, clock: systemClock, flushMs: 1, pendingBytesMax: 1_000_000 });
    writer.add('before\n');
    writer.add(`${'y'.repeat(300_000)}\n`);
    writer.add('after\n');
    await writer.flush();
    assert.equal(read().replace(/y+/, 'Y'), 'before\nY\nafter\n');
    assert.equal(writer.lost, 0);
  }),
);

test(
  'a line that comes while others are written waits for company, instead of being written alone',
  inFile(async ({ fd, read }) => {
    const writer = new LineWriter({ fd, clock: systemClock, flushMs: 60_000, pendingBytesMax: 1_000_000 });
    writer.add('first\n');
    const flushed = writer.flush();
    // The write is begun, and takes longer than the turn.
    await Promise.resolve();
    writer.add('second\n');
    await flushed;
    assert.equal(read(), 'first\n');
    await writer.flush();
    assert.equal(read(), 'first\nsecond\n');
  }),
);

test(
  'a full chunk is written at once, and a flush waits for what was said before it',
  inFile(async ({ fd, read }) => {
    const writer = new LineWriter({ fd, clock: systemClock, flushMs: 60_000, pendingBytesMax: 10_000_000 });
    const line = `${'x'.repeat(99_999)}\n`;
    for (let index = 0; index < 50; index += 1) writer.add(line);
    await Promise.all([writer.flush(), writer.flush()]);
    assert.equal(read().length, 50 * line.length);
    for (let index = 0; index < 50; index += 1) writer.add(line);
    await writer.flush();
    assert.equal(read().length, 100 * line.length);
    assert.equal(writer.lost, 0);
  }),
);

test(
  'writes never overlap, whenever lines come and however often a flush is asked for',
  inFile(async ({ fd, read }) => {
    const writer = new LineWriter({ fd, clock: systemClock, flushMs: 0, pendingBytesMax: 100_000_000 });
    const lines = Array.from({ length: 2_000 }, (_, index) => `${String(index).padEnd(1_000, '.')}\n`);
    for (const [index, line] of lines.entries()) {
      writer.add(line);
      if (index % 7 === 0) void writer.flush().then(() => writer.flush());
      if (index % 50 === 0) await writer.flush();
    }
    await writer.flush();
    assert.equal(read(), lines.join(''));
  }),
);
