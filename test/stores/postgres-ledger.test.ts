/** The ledger on the shared database. */
import { after, before } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { openStore } from '../../src/stores/open-store.ts';
import { durableStoreOption } from '../../src/stores/store-options.ts';
import { ledgerConformance } from '../conformance/ledger.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';

let server: PostgresServer;
before(async () => {
  server = await openPostgresServer();
});
after(() => server.stop());

ledgerConformance('postgres', async () => {
  const store = await openStore(durableStoreOption.parse(await server.createDatabase()), {
    dataDir: '',
    replicas: () => 1,
    clock: systemClock,
    onTrouble: () => undefined,
  });
  await store.migrate();
  return { ledger: store.ledger, close: () => store.close() };
});
