/** Secrets that operators keep in the store, sealed, over either database. */
import type { SqlAccess } from './ledger.ts';

/** What may be told of a secret. */
export interface SecretFacts {
  readonly name: string;
  /** From 1, one more with each change. */
  readonly version: number;
  readonly updatedAtMs: number;
  readonly updatedBy: string;
}

export interface SecretRow {
  readonly name: string;
  readonly sealed: string;
}

export interface SecretRows {
  /** In order of their names. */
  list(): Promise<readonly SecretFacts[]>;
  find(name: string): Promise<SecretRow | undefined>;
  put(row: SecretRow & Omit<SecretFacts, 'version'>): Promise<SecretFacts>;
  /** False when there was none. */
  remove(name: string): Promise<boolean>;
}

export function createSqlSecretRows({ write }: SqlAccess): SecretRows {
  return {
    list: async () => {
      const rows = await write((database) =>
        database
          .selectFrom('secrets')
          .select(['name', 'version', 'updated_at_ms', 'updated_by'])
          .orderBy('name')
          .execute(),
      );
      return rows.map(({ name, version, updated_at_ms, updated_by }) => ({
        name,
        version,
        updatedAtMs: updated_at_ms,
        updatedBy: updated_by,
      }));
    },
    // Never from a copy that lags: a value that was just replaced would come back.
    find: async (name) =>
      await write((database) =>
        database.selectFrom('secrets').select(['name', 'sealed']).where('name', '=', name).executeTakeFirst(),
      ),
    put: async ({ name, sealed, updatedAtMs, updatedBy }) => {
      const updated = { sealed, updated_at_ms: Math.trunc(updatedAtMs), updated_by: updatedBy };
      const { version } = await write((database) =>
        database
          .insertInto('secrets')
          .values({ name, version: 1, ...updated })
          .onConflict((conflict) =>
            conflict
              .column('name')
              .doUpdateSet(({ eb, ref }) => ({ ...updated, version: eb(ref('secrets.version'), '+', 1) })),
          )
          .returning('version')
          .executeTakeFirstOrThrow(),
      );
      return { name, version, updatedAtMs, updatedBy };
    },
    remove: async (name) => {
      const { numDeletedRows } = await write((database) =>
        database.deleteFrom('secrets').where('name', '=', name).executeTakeFirst(),
      );
      return numDeletedRows === 1n;
    },
  };
}
