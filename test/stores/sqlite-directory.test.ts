/** The directory on the embedded database. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../src/stores/open-store.ts';
import { directoryConformance } from '../conformance/directory.ts';

directoryConformance('sqlite', async (clock) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-directory-'));
  const store = await openStore('sqlite', { dataDir, replicas: () => 1, clock, onTrouble: () => undefined });
  return {
    directory: store.directory,
    uses: store.keyUses,
    close: async () => {
      await store.close();
      await rm(dataDir, { recursive: true });
    },
  };
});
