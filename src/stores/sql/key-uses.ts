/** When keys were last used, over either database. */
import { sql } from 'kysely';
import type { KeyUse } from '../../core/directory.ts';
import type { KeyUses } from '../../core/ports.ts';
import type { SqlAccess } from './ledger.ts';

const usesPerStatement = 1_000;

export function createSqlKeyUses({ write }: Pick<SqlAccess, 'write'>): KeyUses {
  return {
    note: async (uses) => {
      for (let from = 0; from < uses.length; from += usesPerStatement) {
        const rows = inOrder(uses.slice(from, from + usesPerStatement));
        await write((database) =>
          database
            .insertInto('key_uses')
            .values(rows)
            .onConflict((conflict) =>
              conflict.columns(['tenant', 'name']).doUpdateSet(({ ref }) => ({
                used_at_ms: sql<number>`case when ${ref('excluded.used_at_ms')} > ${ref('key_uses.used_at_ms')}
                  then ${ref('excluded.used_at_ms')} else ${ref('key_uses.used_at_ms')} end`,
              })),
            )
            .execute(),
        );
      }
    },
    of: (tenant, names) =>
      write(async (database) => {
        if (names.length === 0) return [];
        const rows = await database
          .selectFrom('key_uses')
          .selectAll()
          .where('tenant', '=', tenant)
          .where('name', 'in', names.slice(0, usesPerStatement))
          .execute();
        return rows.map(({ name, used_at_ms }) => ({ tenant, name, usedAtMs: used_at_ms }));
      }),
  };
}

/** By the primary key: who notes the same keys at the same time waits, where another order would be a deadlock (R4). */
function inOrder(uses: readonly KeyUse[]) {
  return uses
    .map(({ tenant, name, usedAtMs }) => ({ tenant, name, used_at_ms: Math.trunc(usedAtMs) }))
    .sort((one, other) => compare(one.tenant, other.tenant) || compare(one.name, other.name));
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
