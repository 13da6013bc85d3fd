/** Replays on the embedded database. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteBackend } from '../../src/stores/sqlite/open-sqlite.ts';
import { replaysConformance } from '../conformance/replays.ts';
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
