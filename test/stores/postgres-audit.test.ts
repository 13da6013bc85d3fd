/** The audit log on the shared database. */
import { after, before } from 'node:test';
import { sql } from 'kysely';
import { openStore } from '../../src/stores/open-store.ts';
import { openPostgresBackend } from '../../src/stores/postgres/open-postgres.ts';
import { durableStoreOption } from '../../src/stores/store-options.ts';
import { auditConformance } from '../conformance/audit.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { clock } from './databases.ts';

let server: PostgresServer;
before(async () => {
  server = await openPostgresServer();
});
after(() => server.stop());

auditConformance('postgres', async () => {
  const option = durableStoreOption.parse(await server.createDatabase());
  if (option === 'sqlite') throw new TypeError('this is no address');
  const open = () => openStore(option, { dataDir: '', replicas: () => 2, clock, onTrouble: () => undefined });
  const [one, two] = [await open(), await open()];
  const backend = await openPostgresBackend(option, { clock, replicas: () => 2 });
  return {
    audit: one.audit,
    other: two.audit,
    run: (statement) => backend.write(async (database) => void (await sql.raw(statement).execute(database))),
    close: async () => {
      await Promise.all([one.close(), two.close(), backend.close()]);
    },
  };
});
