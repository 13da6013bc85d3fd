/** The directory on the shared database. */
import { after, before } from 'node:test';
import { openStore } from '../../src/stores/open-store.ts';
import { durableStoreOption } from '../../src/stores/store-options.ts';
import { directoryConformance } from '../conformance/directory.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';

let server: PostgresServer;
before(async () => {
  server = await openPostgresServer();
});
after(() => server.stop());

directoryConformance('postgres', async (clock) => {
  const store = await openStore(durableStoreOption.parse(await server.createDatabase()), {
    dataDir: '',
    replicas: () => 1,
    clock,
    onTrouble: () => undefined,
  });
  return { directory: store.directory, uses: store.keyUses, close: () => store.close() };
});
