/** Gateways that have the database in common and nothing else, so that each can tell that it is not the only one. */
import type { SqlAccess } from './ledger.ts';
import type { Now } from './replays.ts';
import type { Database } from './tables.ts';

export interface GatewaysAlone {
  /** Says that a gateway is there, and tells how many others have said so since it began. */
  announce(id: string): Promise<number>;
  leave(id: string): Promise<void>;
}

/** Who has said nothing for so long is gone. */
const silentMs = 10_000;
/** Rows of those that never said that they leave. */
const keptMs = 3_600_000;

export function createSqlGatewaysAlone({
  write,
  now,
}: Pick<SqlAccess, 'write'> & { readonly now: Now }): GatewaysAlone {
  return {
    announce: (id) =>
      write(async (database) => {
        const own = await database
          .insertInto('gateways_alone')
          .values({ id, started_ms: now(), seen_ms: now() })
          .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_ms: now() }))
          .returning(['started_ms', 'seen_ms'])
          .executeTakeFirstOrThrow();
        await database
          .deleteFrom('gateways_alone')
          .where('seen_ms', '<', own.seen_ms - keptMs)
          .execute();
        // Whoever ended before this one began, in whatever way, was the run before it.
        const since = Math.max(own.started_ms, own.seen_ms - silentMs);
        const { others } = await database
          .selectFrom('gateways_alone')
          .select(({ fn }) => fn.countAll<number>().as('others'))
          .where('id', '<>', id)
          .where('seen_ms', '>=', since)
          .executeTakeFirstOrThrow();
        return Number(others);
      }),
    leave: async (id) => {
      await write((database) => database.deleteFrom('gateways_alone').where('id', '=', id).execute());
    },
  };
}

/** How many have said of late that they are there, of a schema that has them. */
export async function countGatewaysAlone(database: Database, now: Now): Promise<number> {
  const { some } = await database
    .selectFrom('gateways_alone')
    .select(({ fn }) => fn.countAll<number>().as('some'))
    .where(({ eb }) => eb('seen_ms', '>=', eb(now(), '-', silentMs)))
    .executeTakeFirstOrThrow();
  return Number(some);
}
