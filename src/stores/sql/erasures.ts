/** Erasures that have begun, over either database: whoever finds one that is due goes on with it. */
import { randomBytes } from 'node:crypto';
import { type Expression, sql } from 'kysely';
import type { Erasure } from '../../core/erasure.ts';
import type { Erasures } from '../../core/ports.ts';
import type { Subject } from '../../core/subject.ts';
import type { SqlAccess } from './ledger.ts';
import type { Now } from './replays.ts';
import type { Database, SqlDialect } from './tables.ts';

export interface ErasuresContext extends Pick<SqlAccess, 'write'> {
  readonly now: Now;
  readonly dialect: SqlDialect;
}

const aliasBytes = 9;
const columns = ['tenant', 'user', 'alias', 'begun_at_ms', 'complete'] as const;

export function createSqlErasures({ write, now, dialect }: ErasuresContext): Erasures {
  const after = (ms: number): Expression<number> => sql<number>`${now()} + ${sql.lit(ms)}`;
  return {
    begin: async (subject, leaseMs) => {
      const again = { begun_at_ms: now(), next_at_ms: after(leaseMs), complete: 0 };
      const alias = `erased-${randomBytes(aliasBytes).toString('base64url')}`;
      const row = await write((database) =>
        database
          .insertInto('erasures')
          .values({ ...placeOf(subject), alias, ...again })
          .onConflict((conflict) => conflict.columns(['tenant', 'user']).doUpdateSet(again))
          .returning(columns)
          .executeTakeFirstOrThrow(),
      );
      return fromRow(row);
    },
    due: async (rowsMax) => {
      const rows = await write((database) =>
        database
          .selectFrom('erasures')
          .select(columns)
          .where('next_at_ms', '<=', now())
          .orderBy('next_at_ms')
          .limit(rowsMax)
          .execute(),
      );
      return rows.map(fromRow);
    },
    postpone: async ({ subject, begunAtMs, complete }, forMs) => {
      const { tenant, user } = placeOf(subject);
      await write((database) =>
        database
          .updateTable('erasures')
          .set({ next_at_ms: after(forMs), complete: complete ? 1 : 0 })
          .where('tenant', '=', tenant)
          .where('user', '=', user)
          .where('begun_at_ms', '=', begunAtMs)
          .execute(),
      );
      if (complete && dialect === 'sqlite') await write(emptyLog);
    },
    end: async ({ subject, begunAtMs }) => {
      const { tenant, user } = placeOf(subject);
      await write((database) =>
        database
          .deleteFrom('erasures')
          .where('tenant', '=', tenant)
          .where('user', '=', user)
          .where('begun_at_ms', '=', begunAtMs)
          .execute(),
      );
    },
    any: async () => {
      const found = await write((database) =>
        database.selectFrom('erasures').select('tenant').limit(1).executeTakeFirst(),
      );
      return found !== undefined;
    },
  };
}

/** What was overwritten in the database still lies in its write-ahead log as it was: the destroyed key too. */
async function emptyLog(database: Database): Promise<void> {
  await sql`pragma wal_checkpoint(truncate)`.execute(database);
}

interface Row {
  readonly tenant: string;
  readonly user: string;
  readonly alias: string;
  readonly begun_at_ms: number;
  readonly complete: number;
}

function fromRow({ tenant, user, alias, begun_at_ms, complete }: Row): Erasure {
  const subject: Subject = user === '' ? { tenant } : { tenant, user };
  return { subject, alias, begunAtMs: begun_at_ms, complete: complete === 1 };
}

/** Nobody has an empty name: it stands for everybody. */
function placeOf({ tenant, user = '' }: Subject): { readonly tenant: string; readonly user: string } {
  return { tenant, user };
}
