/** The configuration's history over either database. Of two that write at once one finds its number taken. */
import type { Selectable } from 'kysely';
import type {
  ConfigSource,
  ConfigVersion,
  ConfigVersionDraft,
  ConfigVersionFacts,
  ConfigVersionsQuestion,
} from '../../core/config-version.ts';
import { fail } from '../../core/failure.ts';
import type { ConfigVersions } from '../../core/ports.ts';
import type { SqlAccess } from './ledger.ts';
import type { ConfigVersionsTable, Database } from './tables.ts';

const pageRowsMax = 1_000;
/** Of each at most a mebibyte. What is older is forgotten as newer ones come. */
const versionsKept = 2_000;
const facts = ['number', 'at_ms', 'by', 'source', 'note', 'file_digest', 'masked'] as const;

export function createSqlConfigVersions({ write }: Pick<SqlAccess, 'write'>): ConfigVersions {
  return {
    // Never from a copy that lags: what it tells is taken over.
    find: (number) =>
      write(async (database) => {
        const row = await database
          .selectFrom('config_versions')
          .selectAll()
          .where('number', '=', number)
          .executeTakeFirst();
        return row === undefined ? undefined : versionOf(row);
      }),
    page: (question) => write((database) => page(database, question)),
    append: (draft, after) => write((database) => append(database, draft, after)),
  };
}

async function page(
  database: Database,
  { before, rowsMax }: ConfigVersionsQuestion,
): Promise<ConfigVersionFacts[]> {
  if (!Number.isSafeInteger(rowsMax) || rowsMax < 1 || rowsMax > pageRowsMax) {
    throw fail('invalid_request', `\`rowsMax\` must be 1 to ${pageRowsMax}`, { param: 'rowsMax' });
  }
  const rows = await database
    .selectFrom('config_versions')
    .select(facts)
    .$if(before !== undefined, (query) => query.where('number', '<', before ?? 0))
    .orderBy('number', 'desc')
    .limit(rowsMax)
    .execute();
  return rows.map(factsOf);
}

async function append(
  database: Database,
  { atMs, fileDigest, masked, vouched, ...draft }: ConfigVersionDraft,
  after: number,
): Promise<ConfigVersion> {
  return await database.transaction().execute(async (transaction) => {
    const last = await transaction
      .selectFrom('config_versions')
      .select(({ fn }) => fn.max('number').as('number'))
      .executeTakeFirst();
    // On PostgreSQL it comes as null where there is none.
    if (Number(last?.number ?? 0) !== after) throw changedSince();
    const row = {
      ...draft,
      number: after + 1,
      at_ms: Math.trunc(atMs),
      file_digest: fileDigest,
      masked: masked ? 1 : 0,
      vouched: vouched === 'all' ? null : JSON.stringify(vouched),
    };
    const { numInsertedOrUpdatedRows } = await transaction
      .insertInto('config_versions')
      .values(row)
      .onConflict((conflict) => conflict.column('number').doNothing())
      .executeTakeFirstOrThrow();
    if (numInsertedOrUpdatedRows !== 1n) throw changedSince();
    await transaction
      .deleteFrom('config_versions')
      .where('number', '<=', row.number - versionsKept)
      .execute();
    return versionOf(row);
  });
}

function changedSince(): Error {
  return fail('precondition_failed', 'the configuration has changed since: read it again');
}

type Row = Selectable<ConfigVersionsTable>;

function versionOf({ text, vouched, ...row }: Row): ConfigVersion {
  return { ...factsOf(row), text, vouched: vouched === null ? 'all' : (JSON.parse(vouched) as string[]) };
}

function factsOf({ number, at_ms, by, source, note, file_digest, masked }: Omit<Row, 'text' | 'vouched'>) {
  // Only `append` writes it.
  const from = source as ConfigSource;
  return { number, atMs: at_ms, by, source: from, note, fileDigest: file_digest, masked: masked === 1 };
}
