/** Replays on the shared database. */
import { after, before } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { openPostgresBackend } from '../../src/stores/postgres/open-postgres.ts';
import { durableStoreOption } from '../../src/stores/store-options.ts';
import { replaysConformance } from '../conformance/replays.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openReplaysOn } from './replays-on.ts';

let server: PostgresServer;
before(async () => {
  server = await openPostgresServer();
});
after(() => server.stop());

replaysConformance('postgres', async (options, clock) => {
  const option = durableStoreOption.parse(await server.createDatabase());
  if (option === 'sqlite') throw new Error('that is no address');
  const backend = await openPostgresBackend(option, { clock: systemClock, replicas: () => 1 });
  const opened = await openReplaysOn(backend, options, clock);
  return { ...opened, close: () => backend.close() };
});
