/** The wrapped keys of those whose words are kept, over either database. What is gone here opens nothing any more. */
import type { SqlAccess } from './ledger.ts';

export interface DataKeyOwner {
  readonly tenant: string;
  readonly user: string;
}

export interface WrappedKey extends DataKeyOwner {
  readonly wrapped: string;
  /** The id of the master key that wraps it. */
  readonly master: string;
}

export interface OutdatedQuestion {
  /** The master key that is in use now. */
  readonly master: string;
  readonly after: DataKeyOwner | undefined;
  readonly rowsMax: number;
}

export interface DataKeys {
  find(owner: DataKeyOwner): Promise<WrappedKey | undefined>;
  /** Of two that insert at once one wins, and the other finds that one. */
  insert(key: WrappedKey & { readonly createdAtMs: number }): Promise<void>;
  /** One, or with no user all of a tenant. */
  remove(tenant: string, user?: string): Promise<void>;
  /** Those wrapped by another master key, in order of tenant and user. */
  outdated(question: OutdatedQuestion): Promise<readonly WrappedKey[]>;
  /** False when it has changed, or gone, since it was read: what was destroyed does not come back. */
  replace(before: WrappedKey, after: WrappedKey): Promise<boolean>;
}

const columns = ['tenant', 'user', 'wrapped', 'master'] as const;

export function createSqlDataKeys({ write }: SqlAccess): DataKeys {
  return {
    // Never from a copy that lags: it might still hold what was destroyed.
    find: async ({ tenant, user }) =>
      await write((database) =>
        database
          .selectFrom('data_keys')
          .select(columns)
          .where('tenant', '=', tenant)
          .where('user', '=', user)
          .executeTakeFirst(),
      ),
    insert: async ({ createdAtMs, ...key }) => {
      await write((database) =>
        database
          .insertInto('data_keys')
          .values({ ...key, created_at_ms: Math.trunc(createdAtMs) })
          .onConflict((conflict) => conflict.columns(['tenant', 'user']).doNothing())
          .execute(),
      );
    },
    remove: async (tenant, user) => {
      await write((database) => {
        const all = database.deleteFrom('data_keys').where('tenant', '=', tenant);
        return (user === undefined ? all : all.where('user', '=', user)).execute();
      });
    },
    outdated: async ({ master, after, rowsMax }) =>
      await write((database) => {
        const all = database.selectFrom('data_keys').select(columns).where('master', '!=', master);
        const { tenant, user } = after ?? {};
        const rest =
          tenant === undefined || user === undefined
            ? all
            : all.where(({ eb, or, and }) =>
                or([eb('tenant', '>', tenant), and([eb('tenant', '=', tenant), eb('user', '>', user)])]),
              );
        return rest.orderBy('tenant').orderBy('user').limit(rowsMax).execute();
      }),
    replace: async (before, { wrapped, master }) => {
      const { numUpdatedRows } = await write((database) =>
        database
          .updateTable('data_keys')
          .set({ wrapped, master })
          .where('tenant', '=', before.tenant)
          .where('user', '=', before.user)
          .where('wrapped', '=', before.wrapped)
          .executeTakeFirst(),
      );
      return numUpdatedRows === 1n;
    },
  };
}
