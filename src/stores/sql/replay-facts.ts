/** What is kept of replays, without what was answered. */
import { sql } from 'kysely';
import type { ReplayFacts } from '../../core/ports.ts';
import type { SqlAccess } from './ledger.ts';

export function createSqlReplayFacts({ write }: Pick<SqlAccess, 'write'>): ReplayFacts {
  return {
    page: async ({ tenant, user }, after, rowsMax) => {
      const rows = await write((database) =>
        database
          .selectFrom('replays')
          .select(['key', 'state', 'until_ms'])
          .select(sql<number>`coalesce(length(reply), 0)`.as('bytes'))
          .where('tenant', '=', tenant)
          .where('user', '=', user)
          .where('key', '>', after ?? '')
          .orderBy('key')
          .limit(rowsMax)
          .execute(),
      );
      return rows.map(({ until_ms, ...fact }) => ({ ...fact, untilMs: until_ms }));
    },
  };
}
