/** Prompts and answers over either database, as bytes that tell nothing here. */
import type { Selectable } from 'kysely';
import type { Pruned, SealedContent } from '../../core/content.ts';
import type { Contents } from '../../core/ports.ts';
import type { SqlAccess } from './ledger.ts';
import type { Now } from './replays.ts';
import type { ContentsTable, Database } from './tables.ts';

export interface ContentsContext extends Pick<SqlAccess, 'write'> {
  readonly now: Now;
}

const removedAtOnce = 500;

export function createSqlContents({ write, now }: ContentsContext): Contents {
  return {
    append: async (contents) => {
      if (contents.length === 0) return;
      const rows = contents.map(({ atMs, expiresAtMs, ...content }) => ({
        ...content,
        at_ms: Math.trunc(atMs),
        expires_at_ms: Math.trunc(expiresAtMs),
      }));
      await write((database) =>
        database
          .insertInto('contents')
          .values(rows)
          .onConflict((conflict) => conflict.column('id').doNothing())
          .execute(),
      );
    },
    find: async (tenant, id) =>
      await write(async (database) => {
        const row = await database
          .selectFrom('contents')
          .selectAll()
          .where('id', '=', id)
          .where('tenant', '=', tenant)
          .where('expires_at_ms', '>', now())
          .executeTakeFirst();
        return row === undefined ? undefined : fromRow(row);
      }),
    page: async ({ tenant, user }, after, rowsMax) =>
      await write(async (database) => {
        const rows = await database
          .selectFrom('contents')
          .selectAll()
          .where('tenant', '=', tenant)
          .where('user', '=', user)
          .where('id', '>', after ?? '')
          .where('expires_at_ms', '>', now())
          .orderBy('id')
          .limit(rowsMax)
          .execute();
        return rows.map(fromRow);
      }),
    erase: async ({ tenant, user }, untilMs) => {
      let all = 0;
      for (;;) {
        const count = await write((database) => eraseSome(database, { tenant, user, untilMs }));
        all += count;
        if (count < removedAtOnce) return all;
      }
    },
    prune: () => write((database) => prune(database, now)),
  };
}

interface Erased {
  readonly tenant: string;
  readonly user: string | undefined;
  readonly untilMs: number;
}

async function eraseSome(database: Database, { tenant, user, untilMs }: Erased): Promise<number> {
  const { numDeletedRows } = await database
    .deleteFrom('contents')
    .where('id', 'in', (from) =>
      from
        .selectFrom('contents')
        .select('id')
        .where('tenant', '=', tenant)
        .where('at_ms', '<=', Math.trunc(untilMs))
        .$if(user !== undefined, (query) => query.where('user', '=', user ?? ''))
        .limit(removedAtOnce),
    )
    .executeTakeFirst();
  return Number(numDeletedRows);
}

async function prune(database: Database, now: Now): Promise<Pruned> {
  const { numDeletedRows } = await database
    .deleteFrom('contents')
    .where('id', 'in', (from) =>
      from
        .selectFrom('contents')
        .select('id')
        .where('expires_at_ms', '<=', now())
        .orderBy('expires_at_ms')
        .limit(removedAtOnce),
    )
    .executeTakeFirst();
  const left = await database.selectFrom('contents').select('id').limit(1).executeTakeFirst();
  return { removed: Number(numDeletedRows), left: left !== undefined };
}

type Row = Selectable<ContentsTable>;

function fromRow({ id, tenant, user, at_ms, expires_at_ms, sealed }: Row): SealedContent {
  return { id, tenant, user, atMs: at_ms, expiresAtMs: expires_at_ms, sealed };
}
