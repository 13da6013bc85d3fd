/** The audit log on the embedded database. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { openStore } from '../../src/stores/open-store.ts';
import { openSqliteBackend } from '../../src/stores/sqlite/open-sqlite.ts';
import { fileName } from '../../src/stores/store-options.ts';
import { auditConformance } from '../conformance/audit.ts';
import { clock } from './databases.ts';

auditConformance('sqlite', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-audit-'));
  const open = () => openStore('sqlite', { dataDir, replicas: () => 1, clock, onTrouble: () => undefined });
  const [one, two] = [await open(), await open()];
  const backend = openSqliteBackend({ path: join(dataDir, fileName), clock });
  return {
    audit: one.audit,
    other: two.audit,
    run: (statement) => backend.write(async (database) => void (await sql.raw(statement).execute(database))),
    close: async () => {
      await Promise.all([one.close(), two.close(), backend.close()]);
      await rm(dataDir, { recursive: true });
    },
  };
});
