/** The ledger on the embedded database. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.ts';
import { openStore } from '../../src/stores/open-store.ts';
import { ledgerConformance } from '../conformance/ledger.ts';

ledgerConformance('sqlite', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-ledger-'));
  const store = await openStore('sqlite', {
    dataDir,
    replicas: () => 1,
    clock: systemClock,
    onTrouble: () => undefined,
  });
  await store.migrate();
  return {
    ledger: store.ledger,
    close: async () => {
      await store.close();
      await rm(dataDir, { recursive: true });
    },
  };
});
