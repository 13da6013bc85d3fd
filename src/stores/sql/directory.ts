/**
 * The directory over either database. Every change begins by taking the row of the counter: changes are one after
 * another, and are seen in the order of their versions, so that whoever follows by version misses none.
 */
import { type ExpressionBuilder, type RawBuilder, sql, type Transaction } from 'kysely';
import {
  type DirectoryChanges,
  type DirectoryDraft,
  type DirectoryEntry,
  type DirectoryKind,
  type DirectoryPlace,
  type DirectoryQuestion,
  directoryKinds,
} from '../../core/directory.ts';
import { fail } from '../../core/failure.ts';
import type { Directory } from '../../core/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import { type DirectoryRow, fromColumns, toColumns } from './directory-columns.ts';
import type { SqlAccess } from './ledger.ts';
import type { Database, SqlDialect, Tables } from './tables.ts';

/** How many of each kind a tenant may have; of tenants themselves, how many there may be. */
const entriesMax: Readonly<Record<DirectoryKind, number>> = {
  tenant: 10_000,
  team: 1_000,
  user: 100_000,
  key: 100_000,
};
/** Of all tenants together: every replica has them in memory. */
const directoryEntriesMax = 500_000;
const pageRowsMax = 10_000;
/** Twice as long as anybody goes on from what he knew without reading all of it anew. */
const tombstoneMs = 2 * 86_400_000;
/** In one statement: a tenant may have more than a statement has time for. */
const removedRowsPerStatement = 10_000;

interface SqlDirectoryOptions {
  readonly clock: Clock;
  readonly dialect: SqlDialect;
}

export function createSqlDirectory(
  { write }: Pick<SqlAccess, 'write'>,
  { clock, dialect }: SqlDirectoryOptions,
): Directory {
  const change = <T>(work: (transaction: Transaction<Tables>, nowMs: number) => Promise<T>): Promise<T> =>
    write((database) =>
      database.transaction().execute((transaction) => work(transaction, Math.trunc(clock.wall()))),
    );
  return {
    find: (place) =>
      write(async (database) => {
        const row = await findRow(database, place);
        return row === undefined ? undefined : fromColumns(row);
      }),
    page: (question) => write((database) => page(database, question)),
    put: (draft, ifVersion, ifDirectory) =>
      change((transaction, nowMs) => put(transaction, draft, { ifVersion, ifDirectory, nowMs })),
    remove: (place, ifVersion, ifDirectory) =>
      change((transaction, nowMs) => remove(transaction, place, { ifVersion, ifDirectory, nowMs })),
    changes: (since, rowsMax) => write((database) => changes(database, { since, rowsMax, dialect })),
  };
}

async function page(database: Database, question: DirectoryQuestion): Promise<readonly DirectoryEntry[]> {
  const { kind, tenant, user, after } = question;
  const rows = await database
    .selectFrom('directory')
    .selectAll()
    .where('kind', '=', kind)
    .where('removed_at_ms', '=', 0)
    .$if(tenant !== undefined, (query) => query.where('tenant', '=', tenant ?? ''))
    .$if(user !== undefined, (query) => query.where('user', '=', user ?? ''))
    .$if(after !== undefined, (query) =>
      query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('tenant', 'name'), '>', tuple(after?.tenant ?? '', after?.name ?? '')),
      ),
    )
    .orderBy('tenant')
    .orderBy('name')
    .limit(rowsWithin(question.rowsMax))
    .execute();
  return rows.map(fromColumns);
}

/** The embedded database is nobody else's, and there is no other one. */
const isReadOnly: Readonly<Record<SqlDialect, string>> = {
  postgres: `current_setting('transaction_read_only') = 'on'`,
  sqlite: 'false',
};

interface ChangesQuestion {
  readonly since: number;
  readonly rowsMax: number;
  readonly dialect: SqlDialect;
}

async function changes(
  database: Database,
  { since, rowsMax, dialect }: ChangesQuestion,
): Promise<DirectoryChanges> {
  const { version, readOnly } = await database
    .selectFrom('directory_version')
    .select(['version', sql.raw<unknown>(isReadOnly[dialect]).as('readOnly')])
    .executeTakeFirstOrThrow();
  const mayBeBehind = readOnly === true;
  // The most common answer by far; and a database that was restored from a copy stands before what is known of it.
  if (version <= since) return { entries: [], gone: [], version, more: false, mayBeBehind };
  const most = rowsWithin(rowsMax);
  const found = await database
    .selectFrom('directory')
    .selectAll()
    .where('version', '>', since)
    .orderBy('version')
    .limit(most + 1)
    .execute();
  const rows = found.slice(0, most);
  const more = found.length > most;
  const last = rows.at(-1)?.version ?? version;
  const known = rows.filter(isKnown);
  return {
    entries: known.filter(({ removed_at_ms }) => removed_at_ms === 0).map(fromColumns),
    gone: known.filter(({ removed_at_ms }) => removed_at_ms > 0).map(placeOf),
    version: more ? last : Math.max(last, version),
    more,
    mayBeBehind,
  };
}

/** A newer gateway over the same database may know of more kinds: whoever does not has nothing to do with them. */
function isKnown({ kind }: DirectoryRow): boolean {
  return directoryKinds.some((known) => known === kind);
}

function placeOf({ kind, tenant, name }: DirectoryRow): DirectoryPlace {
  return { kind: kind as DirectoryKind, tenant, name };
}

interface ChangeOptions {
  readonly ifVersion: number | undefined;
  readonly ifDirectory: number | undefined;
  readonly nowMs: number;
}

async function put(
  transaction: Transaction<Tables>,
  draft: DirectoryDraft,
  { ifVersion, ifDirectory, nowMs }: ChangeOptions,
): Promise<DirectoryEntry> {
  const columns = toColumns(draft);
  const version = await nextVersion(transaction);
  await forgetRemoved(transaction, nowMs);
  const before = await findRow(transaction, draft);
  if (ifVersion !== undefined && ifVersion !== (before?.version ?? 0))
    throw conflict(draft, before, ifVersion);
  assertUnchanged(version, ifDirectory);
  await assertReferred(transaction, draft);
  await assertDigestFree(transaction, columns);
  if (before === undefined) await assertRoom(transaction, draft);
  const row = { ...columns, version, created_at_ms: before?.created_at_ms ?? nowMs };
  const { kind: _kind, tenant: _tenant, name: _name, ...changing } = row;
  await transaction
    .insertInto('directory')
    .values(row)
    .onConflict((onConflict) => onConflict.columns(['kind', 'tenant', 'name']).doUpdateSet(changing))
    .execute();
  return fromColumns(row);
}

async function remove(
  transaction: Transaction<Tables>,
  place: DirectoryPlace,
  { ifVersion, ifDirectory, nowMs }: ChangeOptions,
): Promise<boolean> {
  const version = await nextVersion(transaction);
  await forgetRemoved(transaction, nowMs);
  const before = await findRow(transaction, place);
  if (before === undefined) return false;
  if (ifVersion !== undefined && ifVersion !== before.version) throw conflict(place, before, ifVersion);
  assertUnchanged(version, ifDirectory);
  const removed = sql`removed_at_ms = ${nowMs}`;
  const { kind, tenant, name } = place;
  const next = await touch(transaction, {
    where: sql`kind = ${kind} and tenant = ${tenant} and name = ${name}`,
    set: removed,
    version,
  });
  await touchBelonging(transaction, place, { removed, version: next });
  await forgetUses(transaction, place);
  return true;
}

/** What belongs to it goes with it; of a team only its name, since people without a team are still people. */
async function touchBelonging(
  transaction: Transaction<Tables>,
  { kind, tenant, name }: DirectoryPlace,
  { removed, version }: { readonly removed: RawBuilder<unknown>; readonly version: number },
): Promise<void> {
  if (kind === 'key') return;
  const belonging = {
    tenant: { where: sql`tenant = ${tenant}`, set: removed },
    team: { where: sql`tenant = ${tenant} and team = ${name}`, set: sql`team = ''` },
    user: { where: sql`kind = 'key' and tenant = ${tenant} and ${sql.ref('user')} = ${name}`, set: removed },
  }[kind];
  await touch(transaction, { ...belonging, version });
}

interface Touch {
  readonly where: RawBuilder<unknown>;
  readonly set: RawBuilder<unknown>;
  /** The first version that may be given. */
  readonly version: number;
}

/** Each row gets a version of its own, so that whoever follows may stop after any of them. Gives the first one left. */
async function touch(transaction: Transaction<Tables>, { where, set, version }: Touch): Promise<number> {
  let next = version;
  for (;;) {
    const { numAffectedRows = 0n } = await sql`
      with touched as (
        select kind, tenant, name, row_number() over (order by kind, tenant, name) as turn
        from directory where ${where} and removed_at_ms = 0
        order by kind, tenant, name limit ${removedRowsPerStatement}
      )
      update directory set version = ${next - 1} + touched.turn, ${set}
      from touched
      where directory.kind = touched.kind and directory.tenant = touched.tenant and directory.name = touched.name
    `.execute(transaction);
    next += Number(numAffectedRows);
    if (Number(numAffectedRows) < removedRowsPerStatement) break;
  }
  await transaction
    .updateTable('directory_version')
    .set({ version: next - 1 })
    .execute();
  return next;
}

/** Whoever has asked is alone until the end of the transaction. */
async function nextVersion(transaction: Transaction<Tables>): Promise<number> {
  const { version } = await transaction
    .updateTable('directory_version')
    .set(({ eb }) => ({ version: eb('version', '+', 1) }))
    .returning('version')
    .executeTakeFirstOrThrow();
  return version;
}

/** Nobody comes between: whoever has the next version is alone with the one before. */
function assertUnchanged(next: number, ifDirectory: number | undefined): void {
  if (ifDirectory === undefined || next === ifDirectory + 1) return;
  throw fail('precondition_failed', `the directory has changed since version ${ifDirectory}`);
}

async function forgetRemoved(transaction: Transaction<Tables>, nowMs: number): Promise<void> {
  await transaction
    .deleteFrom('directory')
    .where('removed_at_ms', '>', 0)
    .where('removed_at_ms', '<', nowMs - tombstoneMs)
    .execute();
}

/** A key of the same name that is made later has never been used. */
async function forgetUses(
  transaction: Transaction<Tables>,
  { kind, tenant, name }: DirectoryPlace,
): Promise<void> {
  const uses = transaction.deleteFrom('key_uses').where('tenant', '=', tenant);
  if (kind === 'key') await uses.where('name', '=', name).execute();
  else if (kind !== 'team') await uses.where('name', 'not in', keysLeft).execute();

  function keysLeft({ selectFrom }: ExpressionBuilder<Tables, 'key_uses'>) {
    return selectFrom('directory')
      .select('directory.name')
      .where('directory.kind', '=', 'key')
      .where('directory.tenant', '=', tenant)
      .where('directory.removed_at_ms', '=', 0);
  }
}

async function findRow(
  database: Database,
  { kind, tenant, name }: DirectoryPlace,
): Promise<DirectoryRow | undefined> {
  return await database
    .selectFrom('directory')
    .selectAll()
    .where('kind', '=', kind)
    .where('tenant', '=', tenant)
    .where('name', '=', name)
    .where('removed_at_ms', '=', 0)
    .executeTakeFirst();
}

async function assertReferred(transaction: Transaction<Tables>, draft: DirectoryDraft): Promise<void> {
  const { tenant } = draft;
  const named: readonly (readonly [string, DirectoryPlace])[] = [
    ...(draft.kind === 'tenant' ? [] : ([['tenant', { kind: 'tenant', tenant, name: '' }]] as const)),
    ...('team' in draft && draft.team !== ''
      ? ([['team', { kind: 'team', tenant, name: draft.team }]] as const)
      : []),
    ...('user' in draft && draft.user !== ''
      ? ([['user', { kind: 'user', tenant, name: draft.user }]] as const)
      : []),
  ];
  for (const [param, place] of named) {
    if ((await findRow(transaction, place)) !== undefined) continue;
    const called = place.name === '' ? tenant : place.name;
    throw fail('invalid_request', `there is no ${param} "${called.slice(0, 100)}"`, { param });
  }
}

async function assertDigestFree(
  transaction: Transaction<Tables>,
  row: ReturnType<typeof toColumns>,
): Promise<void> {
  if (row.digest === '') return;
  const taken = await transaction
    .selectFrom('directory')
    .select(['tenant', 'name'])
    .where('digest', '=', row.digest)
    .executeTakeFirst();
  if (taken === undefined || (taken.tenant === row.tenant && taken.name === row.name)) return;
  throw fail('conflict', 'this key is in the directory already');
}

/** What was taken out counts until it is forgotten: whoever makes and removes all day would fill the table for everybody. */
async function assertRoom(transaction: Transaction<Tables>, { kind, tenant }: DirectoryDraft): Promise<void> {
  const ofKind = transaction.selectFrom('directory').where('kind', '=', kind);
  const { count } = await (kind === 'tenant' ? ofKind : ofKind.where('tenant', '=', tenant))
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  if (count >= entriesMax[kind]) {
    const most = `${entriesMax[kind]} ${kind}s${kind === 'tenant' ? '' : ' of a tenant'}`;
    throw fail('conflict', `there may be ${most}, those removed in the last two days included`);
  }
  const { all } = await transaction
    .selectFrom('directory')
    .select(({ fn }) => fn.countAll<number>().as('all'))
    .executeTakeFirstOrThrow();
  if (all >= directoryEntriesMax) {
    throw fail('conflict', `the directory has ${all} entries, and no more may be in memory`);
  }
}

function conflict(
  { kind, tenant, name }: DirectoryPlace,
  before: DirectoryRow | undefined,
  ifVersion: number,
): Error {
  const called = name === '' ? tenant : name;
  if (ifVersion === 0) return fail('conflict', `there is a ${kind} "${called.slice(0, 100)}" already`);
  if (before === undefined)
    return fail('conflict', `the ${kind} "${called.slice(0, 100)}" is not there any more`);
  return fail(
    'conflict',
    `the ${kind} "${called.slice(0, 100)}" has been changed: it is at version ${before.version}`,
  );
}

function rowsWithin(rows: number): number {
  if (Number.isSafeInteger(rows) && rows >= 1 && rows <= pageRowsMax) return rows;
  throw fail('invalid_request', `\`rowsMax\` must be 1 to ${pageRowsMax}`, { param: 'rowsMax' });
}
