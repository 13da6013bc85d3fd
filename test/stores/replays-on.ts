/** Replays on a database whose time a test holds. */
import { sql } from 'kysely';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { migrate } from '../../src/stores/sql/migrate.ts';
import { createSqlReplays, type ReplaysOptions } from '../../src/stores/sql/replays.ts';
import { schemaSteps } from '../../src/stores/sql/schema-steps.ts';
import type { Backend } from '../../src/stores/sql/store.ts';

export async function openReplaysOn(backend: Backend, options: ReplaysOptions, clock: Clock) {
  const { dialect } = backend;
  await backend.migrateWith((database) =>
    migrate(database, { dialect, steps: schemaSteps, clock: systemClock }),
  );
  const now = () => sql<number>`cast(${Math.trunc(clock.wall())} as bigint)`;
  return {
    replays: createSqlReplays({ write: backend.write, now, dialect }, options),
    stolen: () =>
      backend.write(async (database) => {
        const rows = await database.selectFrom('replays').select('reply').execute();
        return Buffer.concat(rows.map(({ reply }) => Buffer.from(reply ?? [])));
      }),
  };
}
