import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { createLazyStore } from './lazy-store.ts';
import { openStore } from './open-store.ts';
import type { Store } from './sql/store.ts';

const question = { fromDay: '2026-01-01', toDay: '2026-01-02', by: [], where: {}, rowsMax: 1 } as const;

test('a store is opened by the first question, let go when there was none for a while, and opened again', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-lazy-'));
  t.after(() => rmSync(dataDir, { recursive: true }));
  const clock = createHeldClock();
  const open: Store[] = [];
  let opened = 0;
  const store = createLazyStore({
    clock,
    idleMs: 60_000,
    onCloseFailed: assert.ifError,
    open: async () => {
      opened += 1;
      const real = await openStore('sqlite', { dataDir, replicas: () => 1, clock, onTrouble: () => {} });
      open.push(real);
      return { ...real, close: () => real.close().then(() => void open.splice(open.indexOf(real), 1)) };
    },
  });
  assert.equal(opened, 0);
  await Promise.all([store.ledger.sum(question), store.ledger.sum(question), store.migrate()]);
  assert.deepEqual([opened, open.length], [1, 1]);
  clock.advance(59_000);
  await store.ledger.sum(question);
  clock.advance(59_000);
  await store.check();
  assert.equal(opened, 1, 'each question begins the wait anew');
  clock.advance(61_000);
  const [sum] = await store.ledger.sum(question);
  assert.equal(sum?.exchanges ?? 0, 0);
  assert.deepEqual([opened, open.length], [2, 1], 'the one before was closed first');
  await store.close();
  assert.equal(open.length, 0);
  assert.equal(clock.pending, 0);
});

test('one that cannot be opened is tried anew by the next question', async () => {
  let tries = 0;
  const store = createLazyStore({
    clock: createHeldClock(),
    idleMs: 60_000,
    onCloseFailed: assert.ifError,
    open: () => {
      tries += 1;
      return Promise.reject(new Error('no such module'));
    },
  });
  await assert.rejects(store.check(), /no such module/);
  await assert.rejects(store.check(), /no such module/);
  assert.equal(tries, 2);
  await store.close();
});

test('one that could not be closed is told of, and shuts nobody out', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-lazy-'));
  t.after(() => rmSync(dataDir, { recursive: true }));
  const clock = createHeldClock();
  const told: string[] = [];
  let opened = 0;
  const store = createLazyStore({
    clock,
    idleMs: 60_000,
    onCloseFailed: (cause) => void told.push(String(cause)),
    open: async () => {
      opened += 1;
      const real = await openStore('sqlite', { dataDir, replicas: () => 1, clock, onTrouble: () => {} });
      const close = () => real.close().then(() => Promise.reject(new Error('the disk is gone')));
      return { ...real, close };
    },
  });
  await store.migrate();
  clock.advance(61_000);
  await store.ledger.sum(question);
  assert.equal(opened, 2, 'it was let go when nobody asked, and opened again');
  assert.deepEqual(told, ['Error: the disk is gone']);
  await assert.rejects(store.close(), /the disk is gone/);
  await store.check();
  assert.equal(opened, 3);
  await assert.rejects(store.close(), /the disk is gone/);
});
