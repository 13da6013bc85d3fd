/** The configuration's history on both databases. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { openStore } from '../../src/stores/open-store.ts';
import { durableStoreOption } from '../../src/stores/store-options.ts';
import { configVersionsConformance } from '../conformance/config-versions.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { clock } from './databases.ts';

let server: PostgresServer;
before(async () => {
  server = await openPostgresServer();
});
after(() => server.stop());

async function openBoth(option: unknown) {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-versions-'));
  const parsed = durableStoreOption.parse(option);
  const open = () => openStore(parsed, { dataDir, replicas: () => 2, clock, onTrouble: () => undefined });
  const [one, two] = [await open(), await open()];
  return {
    versions: one.configVersions,
    other: two.configVersions,
    close: async () => {
      await Promise.all([one.close(), two.close()]);
      await rm(dataDir, { recursive: true });
    },
  };
}

configVersionsConformance('sqlite', () => openBoth('sqlite'));
configVersionsConformance('postgres', async () => openBoth(await server.createDatabase()));
