/** Replays on the embedded database. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ReplayBound } from '../../src/stores/sql/replay-bound.ts';
import { openSqliteBackend } from '../../src/stores/sqlite/open-sqlite.ts';
import { replaysConformance } from '../conformance/replays.ts';
import { createHeldClock } from '../held-clock.ts';
import { openReplaysOn } from './replays-on.ts';

replaysConformance('sqlite', async (options, clock) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-replays-'));
  const backend = openSqliteBackend({ path: join(folder, 'replays.sqlite'), clock });
  const opened = await openReplaysOn(backend, options, clock);
  return {
    ...opened,
    close: async () => {
      await backend.close();
      await rm(folder, { recursive: true });
    },
  };
});

test('whoever is answered does not wait for the oldest answers to go, and what went wrong there is told once', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-replays-'));
  const clock = createHeldClock();
  const backend = openSqliteBackend({ path: join(folder, 'replays.sqlite'), clock });
  t.after(async () => {
    await backend.close();
    await rm(folder, { recursive: true });
  });
  const bound = new ReplayBound(1);
  const held = Promise.withResolvers<void>();
  bound.begin(() => held.promise);
  const { replays } = await openReplaysOn(backend, { ttlMs: 1_000, leaseMs: 1_000, bound }, clock);
  const claim = { tenant: 'acme', user: 'ada', key: 'k', fingerprint: 'f' };
  const begun = await replays.begin(claim);
  assert.ok(begun.kind === 'begun');
  await replays.end(claim, begun.token, { status: 200, headers: [], body: Buffer.from('yes') });
  assert.equal((await replays.begin(claim)).kind, 'done');
  held.reject(new Error('a mistake'));
  await assert.rejects(replays.renew([]), { message: 'a mistake' });
  await replays.renew([]);
  assert.equal((await replays.begin(claim)).kind, 'not-kept');
});
