/** The keys of what is kept, and secrets in the store, on both databases. */
import { after, before } from 'node:test';
import { sealersConformance } from '../conformance/sealers.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openTestStore, temporaryFolder } from './databases.ts';

let server: PostgresServer;
before(async () => {
  server = await openPostgresServer();
});
after(() => server.stop());

sealersConformance('sqlite', async (t) => openTestStore(t, 'sqlite', { dataDir: await temporaryFolder(t) }));
sealersConformance('postgres', async (t) => openTestStore(t, await server.createDatabase()));
